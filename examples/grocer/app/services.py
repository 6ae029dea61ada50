"""The services: each has a few methods, and answers at its port of `rpc.PORTS`."""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

from resp import ask
from rpc import Method, call, serve

PRODUCTS = {"apple": 40, "bread": 320, "milk": 150, "rice": 260}
"""Prices in cents of a euro."""
RATES = {"EUR": 1.0, "KRW": 16.0, "USD": 1.1}
"""Hundredths of each currency for a cent."""

Cart = dict[str, int]


def products() -> dict[str, int]:
    """Return all products with their prices."""
    return PRODUCTS


def items(customer: str) -> Cart:
    """Return what is in a customer's cart."""
    found: Cart = json.loads(ask(os.environ["REDIS"], "GET", f"cart:{customer}") or "{}")
    return found


def put(customer: str, product: str, quantity: int) -> Cart:
    """Put a product into a cart."""
    cart = items(customer)
    cart[product] = cart.get(product, 0) + quantity
    ask(os.environ["REDIS"], "SET", f"cart:{customer}", json.dumps(cart))
    return cart


def empty(customer: str) -> Cart:
    """Empty a cart."""
    ask(os.environ["REDIS"], "DEL", f"cart:{customer}")
    return {}


def converted(cents: int, currency: str) -> int:
    """Return an amount in another currency."""
    return round(cents * RATES[currency])


def charge(card: str, amount: int) -> str:
    """Charge a card. Return the number of the transaction."""
    return f"{card[-4:]}-{amount}"


def cost(cart: Cart) -> int:
    """Return what it costs to ship a cart."""
    return 300 + 20 * sum(cart.values())


def send(to: str, order: dict[str, Any]) -> bool:
    """Send a confirmation."""
    sys.stdout.write(f"An order of {order['total']} for {to} is confirmed.\n")
    sys.stdout.flush()
    return True


def order(customer: str, card: str, currency: str) -> dict[str, Any]:
    """Order what is in a customer's cart, which is empty afterwards."""
    cart, prices = call("cart", "items", customer=customer), call("catalog", "products")
    cents = sum(prices[product] * quantity for product, quantity in cart.items())
    total = call("currency", "converted", cents=cents + call("shipping", "cost", cart=cart), currency=currency)
    made = {"number": str(uuid.uuid4()), "items": cart, "total": total}
    made["payment"] = call("payment", "charge", card=card, amount=total)
    call("cart", "empty", customer=customer)
    call("mail", "send", to=customer, order=made)
    return made


def recommended(cart: Cart) -> list[str]:
    """Return products that are not in a cart."""
    return sorted(set(call("catalog", "products")) - set(cart))


def advertisement() -> str:
    """Return a line for the page."""
    return "Fresh bread each morning."


SERVICES: dict[str, list[Method]] = {
    "ads": [advertisement],
    "cart": [items, put, empty],
    "catalog": [products],
    "checkout": [order],
    "currency": [converted],
    "mail": [send],
    "payment": [charge],
    "recommendation": [recommended],
    "shipping": [cost],
}

if __name__ == "__main__":
    (name,) = sys.argv[1:]
    serve(name, {method.__name__: method for method in SERVICES[name]})
