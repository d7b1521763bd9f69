"""How the platform reads a recipient: the numbers it rewrites and the user ids it invents."""

import hashlib
import re

from sandbox.whatsapp.problems import GraphError

_COUNTRIES = {"52": "MX", "55": "BR", "34": "ES", "1": "US", "54": "AR", "57": "CO", "56": "CL", "51": "PE"}


def wa_id_of(untrusted_to: str, *, country_code: str, rewrite: bool) -> str:
    """Return the WhatsApp id (digits) that a `to` leads to.

    Without `+` the business's own country code is put in front, which is how a link reaches a stranger. With `rewrite`,
    Mexican numbers get 521, Argentine ones 549, and Brazilian ones outside São Paulo and Rio lose the ninth digit.
    """
    digits = re.sub(r"[ ()./-]", "", untrusted_to)
    if not re.fullmatch(r"\+?[0-9]{5,17}", digits):
        raise GraphError(100, "Param to must be a phone number", status=400)
    digits = digits[1:] if digits.startswith("+") else country_code + digits
    if rewrite and (mexican := re.fullmatch(r"52(?!1\d{10}$)(\d{10})", digits)):
        return "521" + mexican[1]
    if rewrite and (argentine := re.fullmatch(r"54([1-8]\d{9})", digits)):
        return "549" + argentine[1]
    if rewrite and (brazilian := re.fullmatch(r"55([3-9]\d)9(\d{8})", digits)):
        return f"55{brazilian[1]}{brazilian[2]}"
    return digits


def user_id_of(wa_id: str) -> str:
    """Return the business-scoped user id of a phone: always the same one for the same digits."""
    country = next((name for code, name in _COUNTRIES.items() if wa_id.startswith(code)), "ZZ")
    return f"{country}.{int(hashlib.sha256(wa_id.encode()).hexdigest()[:16], 16)}"
