"""docs/api.md §3, phones: what is tolerated, what is refused, and what is sent to."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disparo.domain.phone import (
    DDDS,
    InvalidPhone,
    Phone,
    PhoneFault,
    PhoneKind,
    is_filler,
    parse_phone,
    parse_registered,
    read_registered,
    uf_of_ddd,
    zone_of_ddd,
)

MOBILE = "11988887777"


@pytest.mark.parametrize(
    "text",
    [
        MOBILE,
        "(11) 98888-7777",
        "11 98888.7777",
        "+55 11 98888-7777",
        "+55(11)988887777",
        "(+55) 11 98888-7777",
        "5511988887777",
        "011988887777",
        "0 11 98888-7777",
        " 11988887777 ",
        "11\u00a098888\u00a07777",
        "11\u202f98888\u20147777",
        "+55 011 98888-7777",
        "+55 (011) 98888-7777",
        "55 0 11 98888-7777",
        "11\u201198888\u20117777",
        "11 98888\u20137777",
        "\u202a+55 11 98888\u20117777\u202c",
        "\u202d+55 11 98888-7777\u202c",  # as the contacts of an iPhone are copied
        "\u2068+55 (11) 98888-7777\u2069",
        "11\u00ad98888\u200d7777",
    ],
)
def test_decorations_are_tolerated(text):
    assert parse_phone(text) == Phone(MOBILE, "+5511988887777", PhoneKind.MOBILE)


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("01188887777", "+5511988887777"),
        ("0 1188887777", "+5511988887777"),
        ("(011) 8888-7777", "+5511988887777"),
        ("01133334444", "+551133334444"),
        ("+55 011 8888-7777", "+5511988887777"),
        ("55 0 11 3333-4444", "+551133334444"),
    ],
)
def test_a_zero_before_ten_digits_is_tolerated_too(read, text, e164):
    assert read(text).e164 == e164


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize("text", ["+55 11 8888-7777", "551188887777"])
def test_the_countrys_code_before_ten_digits_is_tolerated(read, text):
    assert read(text) == Phone("1188887777", "+5511988887777", PhoneKind.LEGACY_MOBILE)


def test_a_legacy_mobile_gets_its_ninth_digit_when_sent_and_keeps_its_ten_when_shown():
    phone = parse_phone("1188887776")
    assert (phone.national, phone.e164, phone.kind) == (
        "1188887776",
        "+5511988887776",
        PhoneKind.LEGACY_MOBILE,
    )


@pytest.mark.parametrize("between", [" e ", " ou ", " E ", "\nOU "])
def test_a_word_between_two_numbers_parts_them(between):
    phones, faulty = read_registered(f"{MOBILE}{between}11 3333-4444")
    assert [phone.national for phone in phones] == [MOBILE, "1133334444"]
    assert faulty == []
    assert read_registered(f"Cel e zap: {MOBILE}")[1] == []


def test_whose_a_number_is_is_no_part_of_it_and_that_it_is_nobodys_is_heard():
    for whose in ("(mãe)", "(Esposa) ", "(JOÃO)"):
        assert parse_registered(f"11 98888-7777 {whose}").national == MOBILE
    for nobodys in ("(errado)", "(NÃO)", "(antigo)", "(não ligar)", "(ex)", "(2)", "(ramal 2)"):
        assert read_registered(f"11 98888-7777 {nobodys}")[0] == []


def test_area_code_55_is_no_country_code():
    assert parse_phone("55991234567").e164 == "+5555991234567"
    assert parse_phone("5532123456").kind is PhoneKind.LANDLINE
    assert parse_phone("555532123456").national == "5532123456"


@pytest.mark.parametrize("text", ["+55 98888-7777", "+5588887777", "0055 98888-7777", "tel: +55 98888-7777"])
def test_a_number_without_its_ddd_is_not_a_strangers_in_area_code_55(text):
    assert read_registered(text) == ([], [text])
    with pytest.raises(InvalidPhone):
        parse_phone(text)


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize("before", ["(11) ", "11 ", "+55 11 ", "55 (11)", "011 ", "015 11 ", "(55) "])
@pytest.mark.parametrize("mobile", ["98888-777", "98888 777", "98888.777", "98888\u2013777"])
def test_a_mobile_that_lacks_its_last_digit_is_not_an_old_one_of_a_stranger(read, before, mobile):
    """As (11) 9888-8777 it would get a ninth digit."""
    with pytest.raises(InvalidPhone) as refused:
        read(before + mobile)
    assert refused.value.fault is PhoneFault.LENGTH


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize("text", ["11 9888-8777", "1198888777", "(11) 9 98888-777"])
def test_a_number_that_has_all_its_digits_may_be_parted_anywhere(read, text):
    assert read(text).e164 == "+5511998888777"


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize(
    "digits",
    ["1198887776", MOBILE, "1133334444", "55988887777", "5511988887777", "011988887777", "55969336753"],
)
@pytest.mark.parametrize("decimals", [".0", ".00"])
def test_a_number_that_a_program_wrote_with_decimals_is_the_one_without_them(read, digits, decimals):
    """55969336753.00, its 55 taken for the country's, would be somebody's in Amapá."""
    assert read(f"{digits}{decimals}") == read(digits)


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
def test_pairs_of_digits_are_no_decimals(read):
    assert read("11.33.33.44.00").e164 == "+551133334400"


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize(
    "text",
    ["988887777.0", "98888-7777.0", "33334444.0", "+55 98888-7777.0", "99988-7777.00", "99988777.00"],
)
def test_decimals_of_a_number_without_area_code_give_it_none(read, text):
    """9888877770 would be somebody's in Maranhão."""
    with pytest.raises(InvalidPhone):
        read(text)


@pytest.mark.parametrize("read", [parse_phone, parse_registered])
@pytest.mark.parametrize(
    "text",
    [
        "1) 19 3333-4444",
        "2) 19 8888-7777",
        "1. (19) 3333-4444",
        "1 - 19 3333-4444",
        "(1) 19 3333-4444",
        " 2-1933334444",
    ],
)
def test_which_of_several_it_is_is_no_digit_of_it(read, text):
    """A landline of Campinas would be a mobile of São Paulo."""
    with pytest.raises(InvalidPhone):
        read(text)


def test_a_landline_is_well_formed_but_takes_no_sms():
    phone = parse_phone("1133334444")
    assert phone.kind is PhoneKind.LANDLINE
    assert not phone.takes_sms


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", PhoneFault.NOT_A_NUMBER),
        ("abc", PhoneFault.NOT_A_NUMBER),
        ("11988887777 ramal 2", PhoneFault.NOT_A_NUMBER),
        ("1198888+7777", PhoneFault.NOT_A_NUMBER),
        ("١١٩٨٨٨٨٧٧٧٧", PhoneFault.NOT_A_NUMBER),
        ("9" * 41, PhoneFault.NOT_A_NUMBER),
        ("123", PhoneFault.LENGTH),
        ("119888877771", PhoneFault.LENGTH),
        ("+1 202 555 0123", PhoneFault.LENGTH),
        ("+55 98888-7777", PhoneFault.LENGTH),  # the country's code and no DDD: not DDD 55
        ("(+55) 8888-7777", PhoneFault.LENGTH),
        ("20988887777", PhoneFault.DDD),
        ("00988887777", PhoneFault.DDD),
        ("11888887777", PhoneFault.SUBSCRIBER),
        ("1113334444", PhoneFault.SUBSCRIBER),
        ("1103334444", PhoneFault.SUBSCRIBER),
    ],
)
def test_anything_else_is_refused_with_its_reason(text, fault):
    with pytest.raises(InvalidPhone) as caught:
        parse_phone(text)
    assert caught.value.fault is fault
    assert not any(char.isdigit() for char in str(caught.value))


@pytest.mark.parametrize("text", ["005511988887777", "01511988887777", "015 11 98888-7777", MOBILE])
def test_registers_hold_carrier_codes_and_double_zeros(text):
    assert parse_registered(text).national == MOBILE
    assert parse_registered(
        text.replace("98888-7777", "3333-4444").replace("988887777", "33334444")
    ).national == ("1133334444")


@pytest.mark.parametrize(
    "text",
    [
        "(0xx11) 98888-7777",
        "0XX11 98888-7777",
        "0xx(11)98888-7777",
        "(0xx) 11 98888-7777",
        "(0**11) 98888-7777",
        "+55 (0xx11) 98888-7777",
        "tel: 11988887777",
        "tel:+5511988887777",
        "Tel.: (0xx11) 98888-7777",
        "fone 11 98888-7777",
        "FONE11988887777",
        "cel. 11 98888-7777",
        "Celular - 11 98888-7777",
        "(cel) 11 98888-7777",
        "whatsapp: 11 98888-7777",
        "Cel. WhatsApp 11 98888-7777",
        "11 98888-7777 (WhatsApp)",
        "11988887777 cel.",
        "00 55 011 98888-7777",
        "(VIVO) 11 98888-7777",
        "Claro: 11 98888-7777",
        "11 98888-7777 - Tim",
        "11988887777 (Oi)",
        "cel. Algar 11 98888-7777",
        "Móvel: 11 98888-7777",
        "11 98888-7777 residencial",
        "Tel. Res.: (11) 98888-7777",
        "Comercial 11 98888-7777",
        "11 98888-7777 (recado)",
        "contato: 11 98888-7777",
    ],
)
def test_registers_hold_labels_and_places_for_carrier_codes(text):
    assert parse_registered(text).national == MOBILE
    assert [phone.national for phone in read_registered(text)[0]] == [MOBILE]


@pytest.mark.parametrize(
    "text",
    [
        "11 98888 cel 7777",
        "119xx88887777",
        "11 9888 0xx7777",
        "11 9**88887777",
        "11988887777 ramal 2",
        "falar com Tel 11988887777",
        "Telma 11988887777",
        "Timóteo 11988887777",
        "1198888 vivo 7777",
        "11988887777 Marcel",
        "tel 1: 1933334444",  # the first of several, and no DDD 11
        "cel1 1933334444",
        "1933334444 cel 1",
        "cel (1) 1933334444",
        "1198887777 2 cel",
        "tel",
        "tel: xx",
        "0xx",
        "tel: +1 202 555 0123",
        "1133334444 cel 11988887777",
        "11988887777 \u2013 1133334444",
        "11988887777 tel: 1133334444",
        "tel: 11988887777 11988880001",
        "(0xx11) 98888-7777 (0xx11) 98888-0001",
    ],
)
def test_letters_in_a_number_and_two_numbers_are_no_phone(text):
    assert read_registered(text) == ([], [text])


def test_labels_of_each_of_several_numbers_are_read():
    phones, faulty = read_registered("Tel: (0xx11) 3333-4444 / Cel: 11 98888\u20117777; fone nenhum")
    assert [phone.national for phone in phones] == ["1133334444", MOBILE]
    assert faulty == ["fone nenhum"]


@pytest.mark.parametrize(
    "text", ["Cel/WhatsApp: 11 98888-7777", "11988887777 / whats.", "Tel./Cel. (11) 98888-7777"]
)
def test_a_label_between_separators_is_no_number_of_its_own(text):
    phones, faulty = read_registered(text)
    assert ([phone.national for phone in phones], faulty) == ([MOBILE], [])


def test_a_registers_field_may_hold_several_numbers():
    phones, faulty = read_registered("11988887777; 11 3333-4444 / nada")
    assert [phone.national for phone in phones] == [MOBILE, "1133334444"]
    assert faulty == ["nada"]
    assert read_registered(None) == ([], [])


def test_filler_is_recognised():
    assert is_filler(parse_phone("11999999999"))
    assert is_filler(parse_phone("11988888888"))
    assert not is_filler(parse_phone(MOBILE))


def test_every_area_code_has_a_state_and_a_zone():
    assert len(DDDS) == 67
    assert {uf_of_ddd(ddd) for ddd in DDDS} >= {"SP", "AC", "DF", "RR"}
    assert zone_of_ddd("68") == "America/Rio_Branco"
    assert zone_of_ddd("11") == "America/Sao_Paulo"


@given(st.text(max_size=45))
def test_no_text_does_anything_but_parse_or_refuse(text):
    for parse in (parse_phone, parse_registered):
        try:
            phone = parse(text)
        except InvalidPhone:
            continue
        assert phone.national.isdecimal()
        assert len(phone.national) in (10, 11)
        assert phone.e164.startswith("+55")


@given(st.sampled_from(sorted(DDDS)), st.integers(0, 99_999_999), st.booleans())
def test_what_takes_sms_is_a_mobile_number_for_google_too(ddd, number, legacy):
    text = f"{ddd}{number:08d}" if legacy else f"{ddd}9{number:08d}"
    try:
        phone = parse_phone(text)
    except InvalidPhone:
        return
    parsed = phonenumbers.parse(phone.e164, "BR")
    if phone.takes_sms and phonenumbers.is_valid_number(parsed):
        assert phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
    if not phone.takes_sms and phonenumbers.is_valid_number(parsed):
        assert phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE


@given(
    st.sampled_from(sorted(DDDS)),
    st.integers(0, 99_999_999),
    st.sampled_from(
        ["+55 0{}", "+55 (0{})", "55 0 {}", "0055 0{}", "+55 {}", "0{}", "(0{})", "015 {}", "{}"]
    ),
    st.sampled_from("-.\u2010\u2011\u2013 "),
)
def test_whatever_stands_before_a_number_google_reads_the_same(ddd, number, before, dash):
    text = f"{before.format(ddd)} 9{number // 10_000:04d}{dash}{number % 10_000:04d}"
    ours, theirs = parse_registered(text), phonenumbers.parse(text, "BR")
    assert ours.e164 == f"+55{ddd}9{number:08d}"
    if phonenumbers.is_valid_number(theirs):
        assert phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164) == ours.e164
