"""Gives the benchmark its people: user1@bench.example and so on, all with one password, in the database of the settings."""

import sys

from idp import accounts, create_app
from idp.accounts import hashing
from idp.cli.database import upgrade_tables
from idp.core.values import EmailAddress, FullName, Nik, PhoneNumber

PASSWORD = "Correct-Horse#7battery"


def main(number: int) -> None:
    """Creates `number` accounts; a NIK of province 99 belongs to nobody."""
    with create_app().app_context():
        upgrade_tables()
        hashed = hashing.hash_password(PASSWORD)
        for i in range(1, number + 1):
            nik, phone = Nik.parse(f"990101010190{i:04d}"), PhoneNumber.parse(f"08121{i:07d}")
            accounts.create(nik, FullName.parse("Orang Uji"), phone, EmailAddress.parse(f"user{i}@bench.example"), hashed)


if __name__ == "__main__":
    main(int(sys.argv[1]))
