"""What is wrong with the settings is said in Portuguese, with its name."""

from __future__ import annotations

import pytest

from disparo.errors import SettingsInvalid
from disparo.platforms.registry import read_table
from disparo.settings import load_settings

SMSC = {"type": "smpp", "host": "127.0.0.1", "system_id": "provedor", "password": "x"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"host": ""}, "host: deve ter ao menos 1 caractere(s)"),
        ({"port": "muitas"}, "port: deve ser um número inteiro"),
        ({"port": 0}, "port: deve ser 1 ou mais"),
        ({"port": 70_000}, "port: deve ser 65535 ou menos"),
        ({"binds": 1.5}, "binds: deve ser um número inteiro"),
        ({"tls": "talvez"}, "tls: deve ser true ou false"),
        ({"system_id": 7}, "system_id: deve ser um texto"),
        ({"system_id": "um nome longo demais"}, "system_id: deve ter no máximo 15 caractere(s)"),
        ({"long_texts": "cut"}, "long_texts: deve ser um destes: 'parts' ou 'payload'"),
        ({"codes": []}, "codes: deve ser uma tabela"),
        ({"janela": 3}, "janela: não existe"),
        ({"per_second": 0}, "per_second: deve ser 0.001 ou mais"),
        ({"per_second": 1e-12}, "per_second: deve ser 0.001 ou mais"),
        ({"per_second": 1e12}, "per_second: deve ser 100000 ou menos"),
        ({"per_day": 10**12}, "per_day: deve ser 1000000000 ou menos"),
        ({"segments": {"max_parts": 0}}, "segments.max_parts: deve ser 1 ou mais"),
        ({"hours": "das 8 às 20"}, 'hours: o horário se escreve assim: "08:00-20:00"'),
        ({"hours": "20:00-08:00"}, "hours: o horário deve começar antes de terminar, no mesmo dia"),
        ({"hours": "08:00-08:00"}, "hours: o horário deve começar antes de terminar, no mesmo dia"),
    ],
)
def test_each_wrong_value_is_named_in_words(changes, says):
    with pytest.raises(SettingsInvalid) as caught:
        read_table("smsc", SMSC | changes)
    assert str(caught.value) == f"Plataforma smsc: {says}"


@pytest.mark.parametrize("client", ["0", "9999999999"])
def test_a_client_that_there_cannot_be_is_no_setting(monkeypatch, client):
    """With it every call that brings a token of HubSoft's would fail."""
    monkeypatch.setenv("DISPARO_HUBSOFT_LOCAL_CLIENT", client)
    with pytest.raises(SettingsInvalid, match="hubsoft_local_client: deve ser"):
        load_settings()


def test_what_is_missing_is_named():
    with pytest.raises(
        SettingsInvalid, match="Plataforma smsc: host: falta; system_id: falta; password: falta"
    ):
        read_table("smsc", {"type": "smpp"})


def test_what_is_wrong_as_a_whole_has_no_name_and_our_own_words_no_prefix():
    with pytest.raises(SettingsInvalid) as caught:
        read_table("smsc", SMSC | {"source": "\u540d\u524d"})
    said = str(caught.value).removeprefix("Plataforma smsc: ")
    assert not said.startswith((":", " ", "Value error"))


def test_what_the_system_says_is_not_half_translated(tmp_path):
    table = {"type": "comtele", "secrets": {"chave": f"file:{tmp_path}/none"}}
    with pytest.raises(SettingsInvalid, match=r"não existe$"):
        read_table("comtele", table)


@pytest.mark.parametrize("given", ["", "env:DISPARO_TEST_SECRET", "file:{folder}/empty"])
def test_an_empty_secret_is_none(given, tmp_path, monkeypatch):
    monkeypatch.setenv("DISPARO_TEST_SECRET", "")
    (tmp_path / "empty").write_text("\n")
    table = {"type": "comtele", "secrets": {"chave": given.format(folder=tmp_path)}}
    with pytest.raises(SettingsInvalid, match=r"o segredo chave está vazio$"):
        read_table("comtele", table)


def test_a_secret_that_is_no_text_is_told_without_what_is_in_it(tmp_path):
    (tmp_path / "key").write_bytes(b"s\xe9cr3t")
    table = {"type": "comtele", "secrets": {"chave": f"file:{tmp_path}/key"}}
    with pytest.raises(SettingsInvalid, match=r"o segredo chave em .*/key não é um texto em UTF-8$"):
        read_table("comtele", table)


@pytest.mark.parametrize(
    "text",
    [
        "sms.provedor.com.br",
        "ftp://sms.provedor.com.br",
        "https://u:s@provedor.com.br",
        "https://[sms",
        "https://sms:80443",
        "https:///sms",
        "https://sms.provedor.com.br/?a=1",
    ],
)
def test_an_address_at_which_no_platform_could_call_us_is_refused(text):
    with pytest.raises(SettingsInvalid, match=r"public_url: deve ser um endereço como https://sms\.provedor"):
        load_settings(public_url=text)


@pytest.mark.parametrize("day", ["31/02", "32/13", "natal"])
def test_a_holiday_that_is_no_day_is_refused(day):
    with pytest.raises(SettingsInvalid, match=rf"extra_holidays: .*{day}"):
        load_settings(extra_holidays=["13/06", day])


def test_hours_may_have_blanks_as_people_write_them():
    assert read_table("smsc", SMSC | {"hours": "08:00 - 20:00"}).hours == "08:00 - 20:00"


def test_test_numbers_are_taken_as_people_write_them():
    numbers = ["+5511988887777", "(11) 98888-7778", "11988887779"]
    assert load_settings(test_numbers=numbers).test_numbers == [
        "+5511988887777",
        "+5511988887778",
        "+5511988887779",
    ]


def test_a_test_number_that_is_none_is_refused():
    with pytest.raises(SettingsInvalid, match="test_numbers: não é um telefone: 988"):
        load_settings(test_numbers=["988"])


def test_the_settings_of_the_program_speak_the_same(monkeypatch):
    monkeypatch.delenv("DISPARO_CONFIG", raising=False)
    with pytest.raises(SettingsInvalid, match=r"^Configuração inválida: dispatch_delay_s: deve ser"):
        load_settings(dispatch_delay_s="logo")
    with pytest.raises(SettingsInvalid, match=r"dispatch_delay_s: deve ser um número finito$"):
        load_settings(dispatch_delay_s="inf")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("access_token_s", 10**14),
        ("dispatch_delay_s", 1e12),
        ("max_extra_phones_per_day", 10**10),
        ("rate_burst", 10**10),
        ("timeout_s", 10**10),
        ("token_rate_burst", 10**10),
    ],
)
def test_a_number_with_which_every_call_would_fail_is_refused(name, value):
    with pytest.raises(SettingsInvalid, match=rf"{name}: deve ser \d+ ou menos$"):
        load_settings(**{name: value})


@pytest.mark.parametrize(
    "written", ["keep_text_days = true", "rate_per_s = false", "hubsoft_local_client = true"]
)
def test_what_switches_on_or_off_is_no_number(tmp_path, monkeypatch, written):
    """It would be taken for 1 or 0: texts that are kept 90 days would go after one."""
    path = tmp_path / "disparo.toml"
    path.write_text(written, encoding="utf-8")
    monkeypatch.setenv("DISPARO_CONFIG", str(path))
    name = written.partition(" ")[0]
    says = f"^Configuração inválida: {name}: deve ser um número, e não true ou false$"
    with pytest.raises(SettingsInvalid, match=says):
        load_settings()
    path.write_text("upgrade_backup = false\nport = 8100", encoding="utf-8")
    assert (load_settings().upgrade_backup, load_settings().port) == (False, 8100)


@pytest.mark.parametrize("brand", ["", "  ", "\u200b\t"])
def test_a_brand_that_nobody_sees_is_refused(brand):
    with pytest.raises(SettingsInvalid, match=r"brand: deve ter ao menos um caractere visível$"):
        load_settings(brand=brand)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('publc_url = "https://sms.provedor.com.br"', "publc_url: não existe"),
        ('[plataforms.comtele]\ntype = "comtele"', "plataforms: não existe"),
    ],
)
def test_a_misspelt_setting_is_not_passed_over(tmp_path, monkeypatch, written, says):
    path = tmp_path / "disparo.toml"
    path.write_text(written, encoding="utf-8")
    monkeypatch.setenv("DISPARO_CONFIG", str(path))
    with pytest.raises(SettingsInvalid, match=f"^Configuração inválida: {says}$"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TEST_NUMBERS", "+5511988887777", r"DISPARO_TEST_NUMBERS .*JSON"),
        ("METRICS_NETWORKS", '["abc"]', r"metrics_networks\.0: não é uma rede"),
        ("TEMPLATE", "{marca}: {valr}", r"template: .*\(na variável DISPARO_TEMPLATE\)"),
        ("PLATFORMS", "zenvia", r'JSON, por exemplo {"nome": {"type"'),
        ("PORT", "", r"port: deve ser um número inteiro \(na variável DISPARO_PORT\)"),
    ],
)
def test_what_the_environment_says_is_checked_in_words_too(monkeypatch, name, value, says):
    monkeypatch.setenv(f"DISPARO_{name}", value)
    with pytest.raises(SettingsInvalid, match=says):
        load_settings()


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("brand 7\n", "linha 1, coluna 7: falta o = depois da chave"),
        ('brand = "a"\nbrand = "b"\n', "linha 2, coluna 12: esta chave já apareceu antes"),
        ("\nbrand = MinhaNet\n", "isto não é um valor: texto vai entre aspas, e sim e não são true e false"),
        ('brand = "a', "fim do arquivo: falta fechar as aspas"),
        ('brand = "a\n"', "linha 1, coluna 11: há um caractere que não pode estar aí"),
        ('brand = "C:\\Users"', "barra invertida entre aspas se escreve duas vezes"),
        ("[platforms.zenvia\n", "linha 1, coluna 18: falta fechar o colchete da tabela"),
        ('brand = "a" "b"\n', "linha 1, coluna 13: sobra algo depois do valor"),
        ("test_numbers = [1", "fim do arquivo: falta fechar a lista com ]"),
        ("= 7", "linha 1, coluna 1: isto não é chave = valor, nem [tabela]"),
    ],
)
def test_a_file_that_is_no_toml_is_told_of_by_line_and_in_words(tmp_path, monkeypatch, written, says):
    path = tmp_path / "disparo.toml"
    path.write_text(written, encoding="utf-8")
    monkeypatch.setenv("DISPARO_CONFIG", str(path))
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert str(caught.value).startswith("O arquivo de configuração não pôde ser lido: ")
    assert says in str(caught.value)


def test_a_file_in_another_encoding_is_told_of_without_what_stands_in_it(tmp_path, monkeypatch):
    path = tmp_path / "disparo.toml"
    path.write_bytes('brand = "Conexão"\n'.encode("latin-1"))
    monkeypatch.setenv("DISPARO_CONFIG", str(path))
    with pytest.raises(SettingsInvalid, match=r"lido: não está em UTF-8\.$"):
        load_settings()


def test_a_file_as_the_notepad_of_windows_saves_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "disparo.toml"
    path.write_bytes(b"\xef\xbb\xbf" + 'brand = "Conexão"\r\n# fim\r\n'.encode())
    monkeypatch.setenv("DISPARO_CONFIG", str(path))
    assert load_settings().brand == "Conexão"
    path.write_bytes(b"\xef\xbb\xbfbrand 7\r\n")
    with pytest.raises(SettingsInvalid, match="linha 1, coluna 7: falta o = depois da chave"):
        load_settings()


def test_the_words_of_a_rule_are_told_as_one_writes_them_and_none_that_is_ours_alone():
    rule = {"outcome": "lost", "failure": "guard"}
    table = {"type": "generic_http", "url": "http://h", "json": {"to": "{telefone}"}, "errors": [rule]}
    with pytest.raises(SettingsInvalid) as caught:
        read_table("p", table)
    assert "errors.0.outcome: deve ser um destes: 'refused', 'not_taken' ou 'ambiguous';" in str(caught.value)
    assert "'network' ou 'unknown'" in str(caught.value)
