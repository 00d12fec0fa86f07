"""What opens something, or says where it is: keys and tokens of services, payment cards, addresses of machines.

"export TOKEN=ghp_" and 36 letters and digits  ->  "export TOKEN=[KEY]"

Prefixes and lengths of keys are facts of the services' own documentation, of gitleaks' `config/gitleaks.toml` and of
detect-secrets' plugins. What only looks random (hashes of commits and files, UUIDs, base64) is left alone.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from interleave.access.addresses import is_public

_FORMS = (
    "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",  # AWS: ids of access keys
    "ABSK[A-Za-z0-9+/]{100,300}={0,2}",  # Amazon Bedrock
    "LTAI[A-Za-z0-9]{20}",  # Alibaba Cloud
    "AIza[A-Za-z0-9_-]{35}",  # Google: API keys
    "ya29\\.[A-Za-z0-9_-]{20,1000}",  # Google: OAuth
    "GOCSPX-[A-Za-z0-9_-]{28}",  # Google: secrets of OAuth clients
    "gh[oprsu]_[A-Za-z0-9]{36,251}",  # GitHub
    "github_pat_[A-Za-z0-9_]{82}",
    "gl(?:pat|dt|ft|rt|ptt|cbt|imt|agent|oas|soat|ffct)-[A-Za-z0-9_-]{20,300}",  # GitLab
    "xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    "xapp-[0-9]-[A-Za-z0-9-]{20,250}",
    "[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,250}",  # Stripe
    "whsec_[A-Za-z0-9+/]{32,100}={0,2}",
    "sk-ant-[a-z]{3,10}[0-9]{2}-[A-Za-z0-9_-]{80,120}",  # Anthropic
    "sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{40,250}",  # OpenAI, OpenRouter
    "sk-[A-Za-z0-9]{32,64}",  # OpenAI before 2024, DeepSeek and others who follow it
    "hf_[A-Za-z0-9]{34}",  # Hugging Face
    "gsk_[A-Za-z0-9]{52}",  # Groq
    "pplx-[A-Za-z0-9]{48}",  # Perplexity
    "r8_[A-Za-z0-9]{37}",  # Replicate
    "xai-[A-Za-z0-9]{80}",  # xAI
    "npm_[A-Za-z0-9]{36}",
    "pypi-AgE[A-Za-z0-9_-]{50,1000}",
    "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}",  # SendGrid
    "SK[0-9a-f]{32}",  # Twilio
    "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram: bots
    "[MNO][A-Za-z0-9_-]{23,25}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}",  # Discord: bots
    "do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    "dapi[0-9a-f]{32}(?:-[0-9])?",  # Databricks
    "sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}",  # Square
    "AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}",  # age
    "eyJ[A-Za-z0-9_-]{10,}+\\.eyJ[A-Za-z0-9_-]{10,}+\\.[A-Za-z0-9_-]{10,}+={0,2}",  # JSON Web Tokens (RFC 7519)
)
# A form begins where a run of its characters begins, so that a long run is tried once, and never in or next to what
# has been replaced.
_TOKEN = re.compile(rf"(?<![A-Za-z0-9_-])(?<![A-Z]\])(?:{'|'.join(_FORMS)})(?![A-Za-z0-9_]|\[[A-Z])")
# Forty characters say nothing by themselves: their name has to stand in front.
_NAMED = re.compile(
    r"(?i:aws_?secret_?(?:access_?)?key|secretaccesskey)(?:[\"' ]{0,3}[:=][\"' ]{0,3}| {1,3})"
    r"(?P<key>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_WEBHOOK = re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<key>[A-Za-z0-9/]{24,80})(?![A-Za-z0-9/])")
# From mark to mark; without an end, what is base64 behind the beginning (a block cut by the borders of sentences).
_BEGIN, _END = (rf"-----{word} [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----" for word in ("BEGIN", "END"))
_BLOCK = re.compile(rf"{_BEGIN}(?:(?:[^-]|-(?!----))*+{_END}|(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{{40,}}+)++)")
_LONG_RUN = re.compile(r"[A-Za-z0-9_/+-]{16}")
# Placeholders repeat themselves: "sk-xxxxxxxx...". Sixteen random characters of base32 have 13 different on average.
_MIN_DIFFERENT = 8


def replace_keys(text: str, token: str) -> tuple[str, int]:
    """(text with `token` for each key, how many)."""
    if not _LONG_RUN.search(text):
        return text, 0
    num_replaced = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal num_replaced
        key = match[match.lastgroup or 0]
        if len(set(key)) < _MIN_DIFFERENT:
            return match[0]
        num_replaced += 1
        return match[0].replace(key, token)

    if "PRIVATE KEY" in text:
        text = _BLOCK.sub(replace, text)
    for pattern in (_TOKEN, _NAMED, _WEBHOOK):
        text = pattern.sub(replace, text)
    return text, num_replaced


# Payment cards: issuers' numbers with their lengths (Wikipedia, "Payment card number"), as one run or in the groups
# that are printed on them. Visa's thirteen digits went out of use and would be every tenth EAN that begins with 4;
# fourteen without groups are the barcodes of libraries, which end in the same check digit. "f(4539148803436467)" and
# "seed = ..." are code; rows of four-digit numbers, hexadecimal ones too, are tables.
_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|35(?:2[89]|[3-8]\d)|220[0-4])\d{12,15}"  # Discover, UnionPay, JCB, Mir
    r"|(?:50(?:18|20|38)|5893|6304|67(?:59|6[1-3]))\d{12,15}"  # Maestro
)
_CARD = re.compile(
    r"(?<![\dA-Za-z_/=@#&%+*^$€£¥-])(?<!\d[.,:])(?<![\dA-F]{4} )(?<![A-Z]\])"
    r"(?:\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{3})?"
    r"|\d{4}(?P<wide>[ -])\d{6}(?P=wide)\d{4,5}|(?<![(\[{])(?<!= )\d{15,19}+)"
    r"(?![\dA-Za-z_/=@%°*-]|[.,:]\d| [\dA-F]{4,5}(?![\dA-Za-z])|\[[A-Z])"
)


def find_card(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the first card number between two positions stands."""
    for match in _CARD.finditer(text, start):
        if match.end() > end:
            return None
        digits = re.sub(r"\D", "", match[0])
        if _ISSUED.fullmatch(digits) and _has_check_digit(digits):
            return match.span()
    return None


def _has_check_digit(digits: str) -> bool:
    """Luhn's formula (ISO/IEC 7812-1): every second digit from the right is doubled.

    "79927398713": 3 + (2) + 7 + (7) + 9 + (6) + 7 + (4) + 9 + (9) + 7 = 70, a multiple of ten.
    """
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


# Addresses of machines.
_IPV4 = re.compile(
    r"(?<![0-9A-Za-z_.-])(?<![0-9][,:])(?<![A-Za-z0-9.]/)(?<!==)(?<![A-Z]\])(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
    r"(?![0-9A-Za-z_%°]|[.,][0-9A-Za-z]|-[A-Za-z])(?!\[[A-Z])"
)
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z_:.])(?<![A-Z]\])[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}"
    r"(?![0-9A-Za-z_:]|\.[0-9])(?!\[[A-Z])"
)
# "Version 91.2.3.4" and "§ 12.40.3.1" are no addresses.
_NUMBERED = re.compile(
    r"(?:(?<![A-Za-z])version\w*\W{0,6}|(?<![A-Za-z])(?:v|ver|release|rel|build|rev|revision|firmware|driver|update|patch|kernel|section|sec|"
    r"chapter|clause|article|art|part|fig|figure|table|step|rule|no|appendix|oid|id)s?[ .:：#(]{0,3}|"
    r"(?:§|版本|版|第|节|章|条)[ .:：]{0,3})\Z",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(
    r"(?:(?<![A-Za-z])(?:ips?|ipv4|addr|address|addresses|server|host|hostname|dns|ping|gateway|nameserver|proxy|traceroute|ssh|"
    r"telnet|https?|ftp)|地址|服务器)[ .:：=#(\"'/]{0,4}\Z",
    re.IGNORECASE,
)
_PORT = re.compile(r":[0-9]{2,5}(?![0-9])|/(?:8|[12][0-9]|3[0-2])(?![0-9])")
_CONTEXT = 32


def replace_addresses(text: str, token: str) -> tuple[str, int]:
    """(text with `token` for each public IP address, how many)."""
    num_replaced = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal num_replaced
        if not _is_address(match):
            return match[0]
        num_replaced += 1
        return token

    for separator, pattern in ((".", _IPV4), (":", _IPV6)):
        if text.count(separator) >= 3:
            text = pattern.sub(replace, text)
    return text, num_replaced


def _is_address(match: re.Match[str]) -> bool:
    """Whether it is a public address, and not the number of a version or a section."""
    try:
        return (_may_be_ipv6(match[0]) if ":" in match[0] else _may_be_ipv4(match)) and is_public(ip_address(match[0]))
    except ValueError:
        return False


def _may_be_ipv6(text: str) -> bool:
    """Not "2000::2", a slice of an array, nor eight numbers with colons between them."""
    num_groups = sum(map(bool, text.split(":")))
    return num_groups >= 3 and ("::" in text or not text.replace(":", "").isdecimal())


def _may_be_ipv4(match: re.Match[str]) -> bool:
    """Not a version, nor what ends in 0: a network, or an address that somebody has made anonymous.

    One address in 64 begins with two parts under 32, and nearly every version and section does.
    """
    before = match.string[max(0, match.start() - _CONTEXT) : match.start()]
    parts = [int(part) for part in match[0].split(".")]
    if parts[3] == 0 or _NUMBERED.search(before):
        return False
    if parts[0] < 32 and parts[1] < 32:
        return bool(_ADDRESSED.search(before) or _PORT.match(match.string, match.end()))
    return True
