"""Accounts of people who do not exist, all with one password that everybody knows."""

from typing import TYPE_CHECKING

import click

from idp.core.values import ACR_FULL

if TYPE_CHECKING:
    from idp.gateways.demo_registry import Citizen

PASSWORD = "Contoh#Sandi2026"
ROLES = {2: ["company"], 3: ["training_participant"], 4: ["institution"]}
SEEDED = 6  # the other citizens have no account yet: for trying the registration


def seed_one(number: int, citizen: "Citizen", acr: str = ACR_FULL) -> bool:
    """Prints how to sign in as this person; creates the account and returns True unless it exists."""
    from idp import accounts
    from idp.accounts import hashing
    from idp.core.values import EmailAddress, FullName, Nik, PhoneNumber

    nik, name = Nik.parse(citizen.nik), FullName.parse(citizen.name)
    # Not 0001 to 0007: such endings make the stand-in gateway fail.
    phone = PhoneNumber.parse(f"0812000010{number:02}")
    email = EmailAddress.parse(f"{citizen.name.split()[0].lower()}@example.com")
    click.echo(f"{nik.value}  {phone.local}  {email.value}  {citizen.name}")
    if accounts.find_by_nik(nik) is not None:
        return False
    hashed = hashing.hash_password(PASSWORD)
    account = accounts.create(nik, name, phone, email, hashed, acr=acr, email_verified=True)
    accounts.assign_roles(account, ROLES.get(number, ["jobseeker"]))
    return True
