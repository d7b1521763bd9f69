"""The form that asks for documents. It reads fields; records/requesting.py checks them."""

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from records.optins import Evidence, OptInSource
from records.requesting import NewCase, NewParty

ROLES = ("customer", "co_debtor", "guarantor", "legal_representative", "beneficial_owner", "other")


def _choices(pairs: list[tuple[str, str]]) -> list[SelectChoice]:
    return [SelectChoice(value=value, label=label) for value, label in pairs]


class AskForm(FlaskForm):  # type: ignore[misc]
    """Whom to ask for what, in which case."""

    title = StringField(
        lazy_gettext("Nombre del expediente"),
        description=lazy_gettext("Si lo dejas vacío, lleva el nombre de la persona."),
    )
    reference = StringField(
        lazy_gettext("Referencia"),
        description=lazy_gettext("La de tu CRM. Si ya existe un expediente con ella, se usa ese."),
    )
    template = SelectField(lazy_gettext("Qué documentos se piden"), choices=[], validate_choice=False)
    party = SelectField(lazy_gettext("A quién"), choices=[], validate_choice=False)
    name = StringField(lazy_gettext("Nombre de la persona"))
    phone = StringField(lazy_gettext("Teléfono con WhatsApp"))
    email = StringField(
        lazy_gettext("Correo"), description=lazy_gettext("Si no tiene teléfono, ahí le llegan los mensajes y códigos.")
    )
    role = SelectField(lazy_gettext("Papel en el expediente"), choices=[], validate_choice=False)
    locale = SelectField(lazy_gettext("Idioma del mensaje"), choices=[], validate_choice=False)
    opt_in = StringField(
        lazy_gettext("Cómo aceptó recibir mensajes"),
        description=lazy_gettext("Por ejemplo: lo marcó en la solicitud del crédito. Queda como constancia."),
    )
    word = StringField(
        lazy_gettext("Palabra acordada"),
        description=lazy_gettext("Una que solo tú y la persona conozcan. Con ella sabe que el mensaje es de ustedes."),
    )
    send = BooleanField(lazy_gettext("Enviar el mensaje"), default=True)

    def offer(self, *, templates: list[tuple[str, str]], people: list[tuple[str, str]], country: str) -> None:
        """Fill the choices; `country` (ISO 3166) picks the first language."""
        self.template.choices = _choices(templates)
        self.party.choices = _choices([*people, ("", gettext("Otra persona"))])
        self.role.choices = _choices([(role, role_words(role)) for role in ROLES])
        first = "pt" if country == "BR" else "es"
        languages = sorted([("es", "Español"), ("en", "English"), ("pt", "Português")], key=lambda one: one[0] != first)
        self.locale.choices = _choices(languages)

    def new_case(self, *, team_id: str | None, owner_id: str) -> NewCase:
        """Return the case that was typed."""
        return NewCase(
            untrusted_title=self.title.data or self.name.data or "",
            untrusted_reference=self.reference.data,
            team_id=team_id,
            owner_id=owner_id,
        )

    def new_party(self) -> NewParty:
        """Return the person that was typed."""
        said = (self.opt_in.data or "").strip()
        return NewParty(
            untrusted_name=self.name.data or "",
            untrusted_phone=self.phone.data,
            untrusted_email=self.email.data,
            untrusted_locale=self.locale.data or "es",
            role=self.role.data if self.role.data in ROLES else "customer",
            opt_in=Evidence(untrusted_text=said, source=OptInSource.CONSOLE) if said else None,
        )


def role_words(role: str) -> str:
    """Return the words for a person's role in a case."""
    words: dict[str, str] = {
        "customer": gettext("Cliente"),
        "co_debtor": gettext("Coacreditado"),
        "guarantor": gettext("Aval"),
        "legal_representative": gettext("Representante legal"),
        "beneficial_owner": gettext("Beneficiario controlador"),
    }
    return words.get(role) or str(gettext("Otra persona"))
