"""How MySQL and MariaDB keep a password. Takes the place of PostgreSQL's `verifier` in the handler."""

# A template carries this file, which is why it is short and has no annotations.

import secrets
from hashlib import sha1, sha256

# fact: mysql-passwords
LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def digest(text):
    return sha256(text).digest()


def stretched(password, salt):
    """SHA-crypt with 5000 rounds (akkadia.org/drepper/SHA-crypt.txt), whose salt MySQL lets have 20 letters."""
    size = len(password)
    inner = digest(password + salt + password)
    text = password + salt + (inner * (size // 32 + 1))[:size]
    bits = size
    while bits:
        text += inner if bits & 1 else password
        bits >>= 1
    result = digest(text)
    key = (digest(password * size) * (size // 32 + 1))[:size]
    salt = digest(salt * (16 + result[0]))[: len(salt)]
    for turn in range(5000):
        text = key if turn % 2 else result
        text += (salt if turn % 3 else b"") + (key if turn % 7 else b"")
        result = digest(text + (result if turn % 2 else key))
    # Three bytes are four letters, in an order of its own.
    letters = ""
    for at in range(11):
        three = [(at * 21 + step) % 30 for step in (0, 10, 20)] if at < 10 else [None, 31, 30]
        number = 0
        for byte in three:
            number = number << 8 | (0 if byte is None else result[byte])
        for _ in range(4 if at < 10 else 3):
            letters += LETTERS[number & 63]
            number >>= 6
    return letters


def verifier(password):
    """Return what mysql_native_password keeps and what caching_sha2_password does; the runner takes one of them."""
    native = sha1(sha1(password.encode()).digest()).hexdigest().upper()
    salt = "".join(secrets.choice(LETTERS) for _ in range(20))
    return f"*{native} 0x" + f"$A$005${salt}{stretched(password.encode(), salt.encode())}".encode().hex().upper()
