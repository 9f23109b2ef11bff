"""The default text and a clerk's own: filled once, never cut."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disparo.domain.sms_text import Encoding, SegmentProfile
from disparo.domain.template import (
    InvoiceText,
    TemplateRefused,
    check_template,
    first_name,
    format_amount,
    render,
)

PROFILE = SegmentProfile()
LINHA = "34191.09008 61713.957308 71444.640008 4 00000000008990"


def invoice(**changes):
    facts = {
        "brand": "Fibra Já",
        "customer_name": "MARIA JOSÉ DA SILVA",
        "amount": Decimal("1234.56"),
        "due_date": date(2026, 12, 5),
        "link": "https://f.example/11000",
    }
    facts |= changes
    return InvoiceText(**facts, is_overdue=facts["due_date"] < date(2026, 11, 24))


def test_the_default_text():
    rendered = render(invoice(), PROFILE)
    assert rendered.text == (
        "Fibra Ja: Maria, sua fatura de R$ 1.234,56 vence em 05/12/2026. Pague em https://f.example/11000"
    )
    assert (rendered.segments, rendered.encoding) == (1, Encoding.GSM7)


@pytest.mark.parametrize("template", [None, "{valor} {vencimento} {link}"])
@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("https://isp.example/~fin/2?f[]=1|2`", "https://isp.example/%7Efin/2?f%5B%5D=1%7C2%60"),
        ("https://isp.example/{a}^b#~", "https://isp.example/%7Ba%7D%5Eb#%7E"),
        ("http://[2001:db8::1]:8080/f?a=%7E&b=\\", "http://[2001:db8::1]:8080/f?a=%7E&b=\\"),
        ("https://isp.example", "https://isp.example"),
    ],
)
def test_a_link_has_no_signs_that_carriers_lose(template, link, sent):
    assert render(invoice(link=link), PROFILE, template=template).text.endswith(f" {sent}")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{valor} {vencimento}. Boleto: {link} Pix: {pix}", "."),
        ("{valor} {vencimento}. Pix copia e cola: {pix}. {observacao}", "."),
        ("{valor} {vencimento} (Pix: {pix})", ""),
        ("{valor} {vencimento}. Boleto/Pix: {pix}. Obrigado", ". Obrigado"),
        ("{valor} {vencimento}, pague pelo link: {link} ou pelo Pix: {pix}.", "."),
        ("{valor} {vencimento} - Pix: {pix} - Boleto: {linha_digitavel} - Att", " - Att"),
        (
            "{valor} {vencimento}\n\nLinha digitável:\n{linha_digitavel}\n\nPix:\n{pix}\n\nObrigado",
            "\n\nObrigado",
        ),
        ("{valor} {vencimento}\nPix: {pix}\nBoleto: {linha_digitavel}\nObrigado", "\nObrigado"),
        # What says more than that a code follows is left.
        ("{valor} {vencimento}. Sua fatura chegou: {link} Obrigado", ". Sua fatura chegou: Obrigado"),
        ("{valor} {vencimento}. Acesse http://a.example/b: {pix}", ". Acesse http://a.example/b:"),
    ],
)
def test_nothing_announces_a_code_that_is_not_there(template, text):
    assert render(invoice(link=None), PROFILE, template=template).text == f"R$ 1.234,56 05/12/2026{text}"


def test_the_brand_at_the_beginning_announces_nothing():
    text = render(invoice(link=None), PROFILE, template="Link Fibra: {link} {valor} {vencimento}").text
    assert text == "Link Fibra: R$ 1.234,56 05/12/2026"


def test_without_a_link_the_boleto_line_is_the_payment_path():
    text = render(invoice(link=None, linha_digitavel=LINHA), PROFILE).text
    assert text.endswith("Codigo: 34191090086171395730871444640008400000000008990")


def test_an_overdue_invoice_says_to_ignore_it_if_paid():
    text = render(invoice(due_date=date(2026, 11, 1)), PROFILE).text
    assert "pag" in text.rpartition("11000")[2].lower()


@pytest.mark.parametrize(("day", "word"), [(23, "venceu"), (24, "vence"), (25, "vence")])
def test_an_invoice_is_said_to_have_fallen_due_from_the_day_after(day, word):
    text = render(invoice(due_date=date(2026, 11, day)), PROFILE).text
    assert f"R$ 1.234,56 {word} em {day}/11/2026." in text


def test_without_a_usable_name_the_sentence_still_stands():
    for name in (None, "", "123", "A" * 60):
        assert render(invoice(customer_name=name), PROFILE).text.startswith("Fibra Ja: sua fatura de")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{primeiro_nome}, sua fatura: {valor} {vencimento}", "sua fatura: V D"),
        ("{primeiro_nome}: {valor} {vencimento}", "V D"),
        ("{primeiro_nome} - {valor} {vencimento}", "V D"),
        ("Ola {primeiro_nome}! Fatura {valor} {vencimento}", "Ola! Fatura V D"),
        ("Ola, {primeiro_nome}! Fatura {valor} {vencimento}", "Ola! Fatura V D"),
        ("Ola, {primeiro_nome}. Fatura {valor} {vencimento}", "Ola. Fatura V D"),
        ("Ola! {primeiro_nome}, fatura {valor} {vencimento}", "Ola! fatura V D"),
        ("Tudo bem, {primeiro_nome}? Fatura {valor} {vencimento}", "Tudo bem? Fatura V D"),
        ("{marca}\n{primeiro_nome}, fatura {valor}\n{observacao}\n{vencimento}", "Fibra Ja\nfatura V\nD"),
        ("{marca} - {primeiro_nome} - {valor} {vencimento}", "Fibra Ja - V D"),
        ("Fatura ({primeiro_nome}) {valor} {vencimento}, {observacao}", "Fatura V D"),
        ("- {valor}\n- {vencimento}\n- {primeiro_nome}", "- V\n- D"),
        ("{primeiro_nome} :) {valor} {vencimento}", ":) V D"),
    ],
)
def test_a_missing_value_takes_its_signs_along(template, text):
    rendered = render(invoice(customer_name=None), PROFILE, template=template).text
    assert rendered == text.replace("V", "R$ 1.234,56").replace("D", "05/12/2026")


def test_without_any_payment_path_the_text_still_says_what_is_due():
    text = render(invoice(link=None), PROFILE).text
    assert "R$ 1.234,56" in text
    assert text.endswith("05/12/2026.")


def test_an_accent_that_stands_for_itself_is_written_with_its_letter():
    """As programs on a Mac write them: `é` is in GSM-7, an `e` and an accent behind it are not."""
    written = "Até {vencimento}: {valor} {link}"
    apart = render(invoice(), PROFILE, template=unicodedata.normalize("NFD", written))
    assert apart == render(invoice(), PROFILE, template=written)
    assert apart.encoding is Encoding.GSM7


def test_what_nobody_sees_in_a_template_makes_no_text_dearer():
    pasted = "\ufeff{marca}:\u00a0{valor}\tem\u2009{vencimento}\u200b.\u202f{link}"
    assert render(invoice(), PROFILE, template=pasted) == render(
        invoice(), PROFILE, template="{marca}: {valor} em {vencimento}. {link}"
    )


def test_values_are_never_read_as_template_again():
    text = render(invoice(customer_name="{valor}", brand="{link}"), PROFILE).text
    assert "f.example" in text
    assert text.count("1.234,56") == 1


@pytest.mark.parametrize("template", [None, "{marca} , {valor}  {vencimento}: {pix}, {primeiro_nome} {link}"])
@pytest.mark.parametrize("merchant", ["PROVEDOR NET             ", "FIBRA TELECOM S.A., LTDA."])
def test_a_pix_code_is_whole_whatever_the_merchants_name(merchant, template):
    pix = (
        "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d3-a456-4266554400005204000053039865802BR5925"
        f"{merchant}6008BRASILIA62070503***63041D3D"
    )
    text = render(invoice(link=None, pix=pix, customer_name=None), PROFILE, template=template).text
    assert pix in text
    assert "  " not in text.replace(pix, "")


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("ŁUKASZ", "Lukasz"),
        ("Søren", "Soren"),
        ("Đorđe", "Dorde"),
        ("\ufeffMaria Souza", "Maria"),
        ("Joana\u200b Silva", "Joana"),
        ("\u202eAna", "Ana"),
        ("Júlia\x07", "Julia"),
    ],
)
def test_a_name_keeps_all_of_its_letters(name, greeted):
    assert render(invoice(customer_name=name), PROFILE).text.startswith(f"Fibra Ja: {greeted}, sua fatura")


def test_a_name_of_which_only_some_letters_can_be_written_is_not_greeted():
    text = render(invoice(customer_name="ΓΙΩΡΓΟΣ"), PROFILE).text
    assert text.startswith("Fibra Ja: sua fatura de")


def test_what_may_be_left_out_goes_before_a_code_is_cut():
    code = "https://f.example/" + "x" * 65
    text = render(
        invoice(link=code, due_date=date(2026, 11, 1)), SegmentProfile(max_parts=1), template=None
    ).text
    assert code in text
    assert len(text) <= 160


def test_a_text_that_cannot_fit_is_refused_not_cut():
    with pytest.raises(TemplateRefused, match="não cabe"):
        render(invoice(link="https://f.example/" + "x" * 500), SegmentProfile(max_parts=1))


def test_a_platform_that_tears_long_words_gets_a_shorter_payment_path():
    profile = SegmentProfile(cuts_at_spaces=True)
    pix = "0" * 200
    assert render(invoice(link=None, linha_digitavel=LINHA, pix=pix), profile).text.count("0" * 200) == 0


@pytest.mark.parametrize("place", ["{pix}", "{link}"])
def test_a_code_that_would_be_torn_is_refused_wherever_the_template_has_it(place):
    profile = SegmentProfile(single=152, part=152, cuts_at_spaces=True)
    long = invoice(link="https://f.example/" + "x" * 140, pix="0" * 158, linha_digitavel=LINHA)
    with pytest.raises(TemplateRefused):
        render(long, profile, template=f"{{marca}} {{valor}} {{vencimento}} {place}")
    assert "Codigo: " in render(long, profile, template="{marca} {valor} {vencimento} {pagamento}").text


@pytest.mark.parametrize("merchant", ["5913FULANO DE TAL", "5925PROVEDOR NET             "])
def test_a_pix_code_with_blanks_is_not_cut_at_one_of_them(merchant):
    profile = SegmentProfile(single=152, part=152, ucs2_single=66, ucs2_part=66, cuts_at_spaces=True)
    pix = (
        "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d3-a456-4266554400005204000053039865802BR"
        f"{merchant}6008BRASILIA62070503***63041D3D"
    )
    with pytest.raises(TemplateRefused):
        render(invoice(link=None, pix=pix), profile)
    with pytest.raises(TemplateRefused):
        render(invoice(pix=f" {pix} "), profile, template="{marca} {valor} {vencimento} {pix}")
    assert "Codigo: " in render(invoice(link=None, pix=pix, linha_digitavel=LINHA), profile).text
    assert pix in render(invoice(link=None, pix=pix), PROFILE).text


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("{valor} {vencimento} {nome}", "{nome}"),
        ("{valor} {vencimento} {", "chave"),
        ("{valor}", "{vencimento}"),
        ("{valor}{vencimento}" + "x" * 2000, "caracteres"),
    ],
)
def test_a_wrong_template_is_refused_in_words(template, wrong):
    with pytest.raises(TemplateRefused) as caught:
        check_template(template)
    assert wrong in caught.value.detail


def test_amounts_and_names():
    assert format_amount(Decimal("0.5")) == "R$ 0,50"
    assert format_amount(Decimal("1234567.8")) == "R$ 1.234.567,80"
    assert format_amount(Decimal("0.045")) == "R$ 0,05"  # what one SMS costs: two of them cost R$ 0,09
    assert format_amount(Decimal("-1000.125")) == "-R$ 1.000,13"
    assert first_name("  ANA PAULA ") == "Ana"
    assert [first_name(name) for name in ("Sr. João Lima", "DRA ANA", "Dr.")] == ["João", "Ana", "Dr."]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("DRA.MARIA SILVA", "Maria"),
        ("Sr. Dr. JOAO", "Joao"),
        ("SRA.D.ANA", "Ana"),
        ("PROF. ANA", "Ana"),
        ("Profª. ANA", "Ana"),
        ("Eng.º JOSÉ", "José"),
        ("D. MARIA", "Maria"),
        ("Dª MARIA", "Maria"),
        ("SR(A). MARIA", "Maria"),
        ("D'ANGELO LIMA", "D'angelo"),
        ("ANA-MARIA", "Ana-maria"),
        ("ENGRÁCIA LIMA", "Engrácia"),
        ("DRACENA LTDA", "Dracena"),
        ("JOSE\u0301 LIMA", "José"),
    ],
)
def test_what_stands_before_a_name_is_not_greeted(name, first):
    assert first_name(name) == first


@pytest.mark.parametrize(
    "name",
    [
        "(FALECIDO) JOSE",
        "FALECIDA ANA",
        "ESPÓLIO DE JOSE",
        "INADIMPLENTE MARIA",
        "CANCELADO - JOAO",
        "Bloqueada ANA",
        "NAO LIGAR - JOAO",
        "NÃO LIGAR",
        "SR. FALECIDO JOAO",
        "*JOSE*",
        "M. APARECIDA",
        "Mª APARECIDA",
        "D.A. SILVA",
        "A PADARIA",
        "2 IRMAOS",
        "Sr. Dr.",
        "D",
    ],
)
def test_whoever_is_not_named_first_is_greeted_without_a_name(name):
    assert render(invoice(customer_name=name), PROFILE).text.startswith("Fibra Ja: sua fatura de")


@given(
    name=st.text(max_size=60),
    brand=st.text(min_size=1, max_size=30),
    amount=st.decimals(0, 999999, places=2),
    link=st.from_regex(r"https://[a-z]{1,20}\.example/[A-Za-z0-9]{0,60}", fullmatch=True),
)
def test_whatever_the_register_holds_the_link_is_whole_and_the_text_is_plain(name, brand, amount, link):
    rendered = render(invoice(customer_name=name, brand=brand, amount=amount, link=link), PROFILE)
    assert link in rendered.text
    assert rendered.encoding is Encoding.GSM7
    assert rendered.segments <= PROFILE.max_parts
