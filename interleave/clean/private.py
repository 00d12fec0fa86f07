"""Personal data and secrets in text: each becomes a word that says what stood there.

"Write to jane.doe@mail.org or call 415-555-2671"  ->  "Write to [EMAIL] or call [PHONE]"

More than looks must speak for it: phone numbers are verified by the numbering plan of a country, cards by issuer and
check digit, addresses by being public. What is in doubt stays, for a wrong replacement is damage to the text, too.
Replacing twice is replacing once: what touches a replacement is left alone, as it was when it touched the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from interleave.clean.secrets import find_card, replace_addresses, replace_keys
from interleave.errors import RecipeError
from interleave.settings import Settings


class Private(Settings):
    """Replacement of personal data and secrets in sentences, with `[EMAIL]`, `[PHONE]`, `[IP]`, `[CARD]`, `[KEY]`."""

    emails: bool = True
    """E-mail addresses, also those spelt out as "jane (at) mail (dot) org"."""

    phones: bool = True
    """Phone numbers: of any country behind "Tel.:" and its like or with the country's code (+44 ...), else of
    `phone_regions`."""

    phone_regions: Annotated[tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...], Field(strict=False)] = (
        "US",
        "CN",
        "GB",
    )
    """Countries (ISO 3166, two letters) whose numbers are known by how they are written. Each one more has its price:
    Germany's take half of the United States' ZIP+4 codes that begin with 0."""

    ip_addresses: bool = True
    """Public IPv4 and IPv6 addresses. Private, reserved and documentation addresses stay."""

    cards: bool = True
    """Numbers of payment cards."""

    keys: bool = True
    """Keys and tokens of common services, JSON Web Tokens, private keys."""


_NONE: Mapping[str, int] = MappingProxyType({})
_CONTEXT = 32
# Nothing is found next to "[EMAIL]" and its like.
_NOT_BEHIND, _NOT_BEFORE = r"(?<![A-Z]\])", r"(?!\[[A-Z])"

# Letters of scripts with spaces between words: in Chinese text an address ends where Chinese begins. A name longer
# than 64 characters (RFC 5321) is none, and tried once.
_LETTER = "A-Za-z\u00c0-\u024f\u0370-\u052f"
_NAME = rf"(?<![{_LETTER}0-9._%+@＠-]){_NOT_BEHIND}(?!git@)[{_LETTER}0-9._%+-]{{1,64}}+(?<!\.)"
_LABEL = rf"[{_LETTER}0-9](?:[{_LETTER}0-9-]{{0,61}}[{_LETTER}0-9])?"
_FILE = "(?:png|jpe?g|gif|svg|webp|avif|bmp|ico|js|mjs|css|html?|json|py|txt|md|zip|gz)"
_EMAIL = re.compile(
    rf"{_NAME}[@＠](?:{_LABEL}\.){{1,8}}(?!{_FILE}(?![{_LETTER}0-9-]))[{_LETTER}]{{2,24}}(?![{_LETTER}0-9@-]){_NOT_BEFORE}"
)
# Spelt out, where nothing else can be meant: brackets around "at", or both words in capitals, or a name that is no
# word; and a usual ending.
_ENDING = (
    "(?i:com|org|net|edu|gov|info|biz|io|co|ai|me|eu|uk|us|ca|au|nz|ie|in|de|at|ch|fr|es|it|nl|be|pl|se|no|dk|fi|pt|br|"
    f"mx|ru|jp|kr|cn|tw|hk|sg|za)(?![{_LETTER}0-9_-]){_NOT_BEFORE}"
)
_DOT = r"(?i: ?[(\[{] ?(?:dot|\.) ?[)\]}] ?| dot |\.)"
_AT = re.compile(r"[(\[{] ?(?:[aA][tT]|@|＠) ?[)\]}]")
_IN_BRACKETS = re.compile(rf"{_NAME} ?{_AT.pattern} ?(?:{_LABEL}{_DOT}){{1,4}}{_ENDING}")
_IN_WORDS = (
    re.compile(rf"{_NAME} AT (?:{_LABEL} DOT ){{1,4}}{_ENDING}"),
    re.compile(rf"(?=[A-Za-z]*[0-9._-]){_NAME} at (?:{_LABEL} dot ){{1,4}}{_ENDING}"),
)

# What cards and phone numbers are looked for in: digits with what may stand between them.
_BETWEEN = r"[ ().．/+＋‐-―－（）-]"
_RUN = re.compile(rf"[(+＋（]{{0,3}}+\d(?:{_BETWEEN}{{0,3}}+\d){{6,}}+")
# A longer run is a table. It bounds the work on each run, so that work on a text is linear.
_MAX_RUN = 100
_MIN_PHONE, _MAX_PHONE = 7, 15  # digits; E.164 has at most 15
_MIN_TRUNK = 9  # digits with the leading 0; shorter ones are issues, hours and numbers of parts
_MAX_SHORTER = 6
_NOUN = (
    r"(?:(?<![A-Za-z])(?:tel|tél|tlf|telephone|telefon|telefono|teléfono|telefone|téléphone|phone|ph|fon|mobile|mobil|móvil|cell|"
    "cellphone|cel|celular|handy|fax|sms|whatsapp|viber|hotline|helpline|landline|тел|телефон)|电话|電話|手机|手機|座机|"
    "传真|傳真|热线|熱線|微信|전화)"
)
# "Tel.: 030 123456": what stands behind needs no other proof.
_LABELLED = re.compile(rf"{_NOUN}(?:[ /]?(?:nos?|nr|numbers?|fax|号码|號碼|号))?\.? ?[:：] ?\Z", re.IGNORECASE)
# "Call us at 415 555 2671": it may be written in any way, if it is in a country's plan.
_ANNOUNCED = re.compile(
    rf"(?:{_NOUN}|(?<![A-Za-z])(?:call|text|dial|contact|phones)|致电)"
    r"(?: ?(?:nos?|nr|numbers?|号码|号|us|me|at|on|now|is|today)){0,2}[ .:：#]{0,3}\Z",
    re.IGNORECASE,
)
# Ways of writing that are a phone number's alone: (415) 555-2671, 1-800-555-0199; 020 7946 0958; 138 1234 5678,
# 010-62781234. Of Germany's ways they would take half of all American ZIP+4 codes (02139-4307) and coordinates.
_NANP = re.compile(
    r"(?<!\d )(?:1[ .-])?(?:\([2-9]\d\d\)[ -]?[2-9]\d\d[ .-]\d{4}|[2-9]\d\d(?P<gap>[.-])[2-9]\d\d(?P=gap)\d{4})"
)
_PLUS = re.compile(r"[+＋](?=[(（]?\d)")
_TRUNK = re.compile(r"(?<!\d )(?:[(（]0[1-9]\d{0,4}[)）] ?|0[1-9]\d{0,4}[ -])\d{2,8}(?:[ -]\d{2,8}){0,4}")
_CHINESE = re.compile(r"1[3-9]\d(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}|(?P<landline>0\d{2,3}-\d{7,8})")
_HAN = re.compile("[\u4e00-\u9fff]")
_GLUED_BEFORE = re.compile(r"(?:[0-9A-Za-z\u00c0-\u024f_/=&@#%$€£¥￥*^°-]|\d[.,:]|[A-Z]\])\Z")
_GLUED_BEHIND = re.compile(r"[0-9A-Za-z\u00c0-\u024f_/=@%°$€£¥]|[.,:]\d|-\w|\[[A-Z]")
_NO_PHONE = re.compile(
    r"(?:1[0-9]|20)\d\d ?[-–—/] ?(?:1[0-9]|20)\d\d|\d{4}([-./])\d\d?\1\d\d?|\d\d?([-./])\d\d?\2\d{4}|[+＋]?\d+\.\d\d?"
)


def _gate(digit: str, at: str, between: str) -> re.Pattern[str]:
    """What nearly every sentence has nowhere, and all that is looked for has.

    But for " dot ", and keys of AWS that are letters alone.
    """
    return re.compile(
        rf"[{digit}_{at}(\[{{](?:(?<=[{at}])"  # an address of e-mail
        rf"|(?<=[(\[{{]) ?(?:[aA][tT]|[{at}]) ?[)\]}}]"
        r"|(?<=[A-Za-z][0-9_])[A-Za-z0-9_-]{3}|(?<=[0-9_]):?[A-Za-z][A-Za-z0-9_-]{3}"  # keys
        r"|[0-9]{0,2}(?:\.[0-9]{1,3}){3}|(?<=[23])[0-9A-Fa-f]{3}:"  # IPv4, IPv6
        rf"|(?:{between}{{0,3}}[{digit}]){{6}})"  # seven digits
    )


# What is plain ASCII can be read faster.
_GATE, _WIDE_GATE = _gate("0-9", "@", "[ ().+/-]"), _gate(r"\d", "@＠", _BETWEEN)


def check_private(settings: Private) -> None:
    """What can be known before any work: whether phone numbers can be verified, and in these countries.

    Raises RecipeError, and ModuleNotFoundError where `phonenumbers` is not installed.
    """
    if not settings.phones:
        return
    from phonenumbers import SUPPORTED_REGIONS

    unknown = sorted(set(settings.phone_regions) - SUPPORTED_REGIONS)
    if unknown:
        raise RecipeError(
            f"phone_regions: no numbering plan is known for {', '.join(unknown)}; expected e.g. US, GB, CN"
        )


def replace_private(text: str, settings: Private) -> tuple[str, Mapping[str, int]]:
    """(text with a word for each piece of personal data, how many of each kind: {"email": 1, "phone": 2}).

    Raises ModuleNotFoundError where something looks like a phone number and `phonenumbers` is not installed.
    """
    gate = _GATE if text.isascii() else _WIDE_GATE
    if not gate.search(text) and not (" dot " in text or " DOT " in text or "AKIA" in text):
        return text, _NONE
    counts = {"key": 0, "email": 0, "ip_address": 0, "card": 0, "phone": 0}
    original = text
    if settings.keys:
        text, counts["key"] = replace_keys(text, "[KEY]")
    if settings.emails:
        text, counts["email"] = _replace_emails(text)
    if settings.ip_addresses:
        text, counts["ip_address"] = replace_addresses(text, "[IP]")
    if settings.cards or settings.phones:
        text = _replace_numbers("", text, "", settings, counts)
    if text is original:
        return text, _NONE
    return text, {kind: count for kind, count in counts.items() if count}


def _replace_emails(text: str) -> tuple[str, int]:
    num_replaced = 0
    for pattern in _email_patterns(text):
        text, count = pattern.subn("[EMAIL]", text)
        num_replaced += count
    return text, num_replaced


def _email_patterns(text: str) -> Iterator[re.Pattern[str]]:
    """What may be found in the text."""
    if "@" in text or "＠" in text:
        yield _EMAIL
    if _AT.search(text):
        yield _IN_BRACKETS
    if " dot " in text or " DOT " in text:
        yield from _IN_WORDS


def _replace_numbers(before: str, text: str, after: str, settings: Private, counts: dict[str, int]) -> str:
    """The text with its cards and phone numbers replaced; `before` and `after` are what it stands between.

    What is left of a run beside a replacement is looked at as the run that it would be if the text came again.
    """

    def replace(match: re.Match[str]) -> str:
        run = match[0]
        if len(run) > _MAX_RUN:
            return run
        left = (before + text[max(0, match.start() - _CONTEXT) : match.start()])[-_CONTEXT:]
        right = (text[match.end() : match.end() + _CONTEXT] + after)[:_CONTEXT]
        found = _find_number(left, run, right, settings)
        if found is None:
            return run
        kind, start, end = found
        counts[kind] += 1
        token = "[CARD]" if kind == "card" else "[PHONE]"
        return _replace_numbers(left, run[:start] + token + run[end:], right, settings, counts)

    return _RUN.sub(replace, text)


def _find_number(before: str, run: str, after: str, settings: Private) -> tuple[str, int, int] | None:
    """(kind, start in the run, end) of a number in it."""
    text, offset = before + run + after, len(before)
    if settings.cards and (span := find_card(text, offset, offset + len(run))):
        return "card", span[0] - offset, span[1] - offset
    if settings.phones and (span := _find_phone(text, offset, offset + len(run), settings.phone_regions)):
        return "phone", span[0] - offset, span[1] - offset
    return None


def _find_phone(text: str, start: int, end: int, regions: tuple[str, ...]) -> tuple[int, int] | None:
    """Where a phone number of a run stands."""
    for first, last, leniency, plans in _phone_candidates(text, start, end, regions):
        number = text[first:last]
        if _GLUED_BEFORE.search(text, max(0, first - 2), first) or _GLUED_BEHIND.match(text, last):
            continue
        if not _MIN_PHONE <= _num_digits(number) <= _MAX_PHONE or _NO_PHONE.fullmatch(number):
            continue
        if leniency is None or any(_is_phone(number, region, leniency) for region in plans):
            return first, last
    return None


def _phone_candidates(
    text: str, start: int, end: int, regions: tuple[str, ...]
) -> Iterator[tuple[int, int, str | None, tuple[str | None, ...]]]:
    """(start, end, how strictly to verify it, by which countries' plans; None: the country that it names)."""
    if _ANNOUNCED.search(text, max(0, start - _CONTEXT), start):
        for last in _ends(text, start, end):
            yield start, last, "VALID", (None, *regions)
        if _LABELLED.search(text, max(0, start - _CONTEXT), start):
            for last in _ends(text, start, end):
                yield start, last, None, ()
    for match in _PLUS.finditer(text, start, end):
        for last in _ends(text, match.start(), end):
            yield match.start(), last, "VALID", (None,)
    for match in _NANP.finditer(text, start, end):
        yield *match.span(), "EXACT_GROUPING", regions
    for match in _CHINESE.finditer(text, start, end) if "CN" in regions else ():
        if match["landline"] or match["gap"] or _HAN.search(text):
            yield *match.span(), "STRICT_GROUPING", ("CN",)
    for match in _TRUNK.finditer(text, start, end):
        if _num_digits(match[0]) >= _MIN_TRUNK and not _is_list(match[0]):
            yield *match.span(), "EXACT_GROUPING", regions


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    """The end, and the ends of the groups before it: other numbers may follow a phone number."""
    for _ in range(_MAX_SHORTER):
        if end <= start:
            return
        yield end
        shorter = text.rfind(" ", start, end)
        end = start + len(text[start : max(shorter, start)].rstrip(" ()（）.．/+＋-‐‑‒–—―－"))


def _is_list(number: str) -> bool:
    """Whether its groups are pairs of digits that ascend: a list, a draw of a lottery, seldom a French number."""
    pairs = re.findall(r"\d+", number)
    return all(len(pair) == 2 for pair in pairs) and pairs == sorted(pairs)


def _is_phone(number: str, region: str | None, leniency: str) -> bool:
    """Whether it is one in a country's numbering plan, written as that country writes it if `leniency` asks for it."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    matches = PhoneNumberMatcher(number, region, leniency=getattr(Leniency, leniency), max_tries=1)
    return any(match.end - match.start == len(number) for match in matches)


def _num_digits(text: str) -> int:
    return sum(map(str.isdigit, text))
