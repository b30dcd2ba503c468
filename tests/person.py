"""People: `Person.named("Siti")` registers, signs in, recovers. Deeds, not forms."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simple_browser import Page, SimpleBrowser

if TYPE_CHECKING:
    from tests.conftest import Outbox

# From idp/gateways/demo_citizens.yaml: nobody real lives in province 99.
CITIZENS = {
    "Siti": ("9901015708900001", "Siti Nurhaliza Rahayu", "Aminah Rahayu"),
    "Budi": ("9901011204850002", "Budi Santoso", "Sri Wahyuni"),
    "Dewi": ("9902026911880004", "Dewi Lestari Putri", "Kartini Lestari"),
    "Agus": ("9903030101750005", "Agus Wijaya", "Tuti Herawati"),
}


@dataclass
class Person:
    """Somebody with a browser, a phone, an address and a password."""

    name: str
    nik: str
    full_name: str
    mothers_name: str
    browser: SimpleBrowser
    outbox: "Outbox"
    phone: str
    email: str
    password: str = "Matahari!7terbit"
    facts: set[str] = field(default_factory=set)
    before_the_code: Callable[[], None] = lambda: None

    @classmethod
    def named(cls, name: str, issuer: str, outbox: "Outbox") -> "Person":
        """One of the fictional citizens."""
        nik, full_name, mother = CITIZENS[name]
        full_name = full_name.upper()  # as a KTP has it, and so as the account keeps it
        number = 2790 + list(CITIZENS).index(name)
        somebody = cls(
            name, nik, full_name, mother, SimpleBrowser(issuer), outbox,
            phone=f"081234560{number:04d}"[:13], email=f"{name.lower()}.{number}@surat.example",
        )  # fmt: skip
        somebody.facts |= {nik, full_name, mother, somebody.phone, somebody.e164, somebody.email, somebody.password}
        return somebody

    @property
    def e164(self) -> str:
        """The number as the gateways write it."""
        return "+62" + self.phone[1:]

    @property
    def page(self) -> Page:
        """What the browser shows."""
        return self.browser.page

    def proves_identity(self, **changes: str) -> Page:
        """Fills in the three facts."""
        facts = {"nik": self.nik, "name": self.full_name, "mothers_name": self.mothers_name}
        return self.browser.submit(**(facts | changes))

    def gives_contacts(self, **changes: str) -> Page:
        """Fills in address, number and password."""
        return self.browser.submit(**({"email": self.email, "phone": self.phone, "password": self.password} | changes))

    def types_the_code(self, to: str | None = None) -> Page:
        """Types the newest code that arrived."""
        code = self.outbox.code(to or self.e164)
        self.facts.add(code)
        self.before_the_code()  # while the challenge and the draft are still in the store
        return self.browser.submit(code=code)

    def registers(self) -> Page:
        """The seed's whole road, from the sign-in page into the service."""
        if "identifier" in self.page.source:
            self.browser.click("Daftar Sekarang")
        self.proves_identity()
        self.gives_contacts()
        self.types_the_code()
        assert "Pendaftaran akun anda telah berhasil" in self.page.text, self.page.text[:300]
        return self.browser.click("Lanjut ke")

    def signs_in(self, identifier: str | None = None, password: str | None = None) -> Page:
        """Fills in the sign-in page."""
        return self.browser.submit(identifier=identifier or self.nik, password=password or self.password)

    def recovers(self, by: str, new_password: str = "Rembulan!8terbit", **contacts: str) -> Page:
        """«Kendala Masuk ke Akun?» by `phone`, `email` or `identity`, up to the page that says that it worked."""
        self.browser.click("Kendala Masuk ke Akun?")
        self.facts.add(new_password)
        getattr(self, f"_recovers_by_{by}")(new_password, **contacts)
        self.password = new_password
        return self.page

    def _recovers_by_phone(self, new_password: str) -> None:
        self.browser.click("Verifikasi lewat nomor handphone")
        self.browser.submit(nik=self.nik, phone=self.phone)
        self.types_the_code()
        self.browser.submit(password=new_password)

    def _recovers_by_email(self, new_password: str) -> None:
        self.browser.click("Verifikasi lewat email")
        self.browser.submit(nik=self.nik, email=self.email)
        self.types_the_code(self.email)
        self.browser.submit(password=new_password)

    def _recovers_by_identity(self, new_password: str, **contacts: str) -> None:
        self.browser.click("Verifikasi identitas diri")
        self.proves_identity()
        self.phone, self.email = contacts["phone"], contacts["email"]
        self.facts |= {self.phone, self.e164, self.email}
        self.gives_contacts(password=new_password)
        self.types_the_code()

    def at(self, service: Any) -> dict[str, Any]:
        """Arrived at the service: what it learned."""
        claims: dict[str, Any] = service.receives(self.browser)
        return claims
