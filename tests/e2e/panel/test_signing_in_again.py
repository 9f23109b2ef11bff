"""A session that ended in the middle of something: who signs in goes on where they were."""

from __future__ import annotations

import re
from html import unescape

from tests.support.house import PASSWORD
from tests.support.visitor import visitor


def test_who_signs_in_again_goes_on_with_the_whole_list_or_with_none_of_it(house):
    """Cut in the middle of a number, a list is of another invoice."""
    late = visitor(house)
    for count, goes_on in ((240, True), (300, False)):
        wanted = "/painel/disparos/novo?faturas=" + "+".join(str(702_000 + each) for each in range(count))
        late.cookies.clear()
        asked = late.get(wanted).headers["location"]
        page = late.get(asked).raw.decode()
        kept = unescape(re.search(r'name="depois" value="([^"]+)"', page)[1])
        answer = late.post("/painel/entrar", email=house.account()["username"], senha=PASSWORD, depois=kept)
        assert answer.headers["location"] == (wanted if goes_on else "/painel/disparos/novo")


def test_who_signs_in_again_after_a_form_sees_the_list_with_the_same_filter(house):
    """Else "all of this filter" would be all there are."""
    late = visitor(house)
    page = "/painel/incertas?plataforma=simulador&de=2026-11-01"
    late.cookies.clear()
    came = {"Referer": f"{house.stage.base}{page}"}
    for form in ("/painel/incertas", "/painel/sair"):
        asked = late.post(form, headers=came).headers["location"]
        kept = unescape(re.search(r'name="depois" value="([^"]*)"', late.get(asked).raw.decode())[1])
        assert kept == (page if form == "/painel/incertas" else "")
