"""What a customer is told of their own messages is no more than is known."""

from __future__ import annotations

from disparo.wording.subject_words import told


def test_who_gave_no_answer_is_not_said_to_have_refused():
    found = told(
        {
            "mensagens": [{"status": "uncertain", "reason": "unknown"}],
            "acontecimentos": [{"to_status": "uncertain", "reason": "network"}],
            "tentativas": [{"outcome": "ambiguous", "failure": "unknown"}],
            "confirmacoes": [{"kind": "undelivered", "failure": "unknown"}],
        }
    )
    assert found["mensagens"][0]["motivo"] == "a plataforma não respondeu direito: pode ter recebido ou não"
    assert found["acontecimentos"][0]["motivo"] == "a plataforma não respondeu: pode ter recebido ou não"
    assert found["tentativas"][0]["falha"] is None
    assert found["confirmacoes"][0]["falha"] == "por um motivo que o Disparo não conhece"
