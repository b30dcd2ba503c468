"""The words of the notices about a recovery by identity; each has a link by which this one contact says no."""

from datetime import datetime

from idp.core.values import PhoneNumber
from idp.notices.letters import Link
from idp.notices.texts import HELP_EN, HELP_ID, NOT_YOU_EN, NOT_YOU_ID, Notice, english, indonesian, sms_time

YOU_ID, YOU_EN = "Apakah ini Anda?", "Was this you?"


def recovery_started(at: datetime, veto_url: str) -> Notice:
    """To all contacts, as soon as somebody gave the three facts of this account's person."""
    return Notice(
        "recovery_started",
        f"SIAPkerja: pemulihan akun Anda dimulai {sms_time(at)}. Bukan Anda? Batalkan: {veto_url}",
        "Pemulihan akun SIAPkerja Anda dimulai / A recovery of your account was started",
        [f"Seseorang memulai pemulihan akun SIAPkerja Anda pada {indonesian(at)} dengan data identitas Anda.", YOU_ID],
        [f"Somebody started a recovery of your SIAPkerja account on {english(at)} with your identity data.", YOU_EN],
        _veto(veto_url),
        f"SIAPkerja: a recovery of your account was started {sms_time(at)}. Not you? Cancel it: {veto_url}",
    )


def recovery_completed(at: datetime, new_phone: PhoneNumber, veto_url: str) -> Notice:
    """To all old contacts, after an identity recovery; the link opens the page that cancels it (veto)."""
    return Notice(
        "recovered",
        f"SIAPkerja: akun Anda dipulihkan dengan nomor {new_phone.masked}. Bukan Anda? Batalkan: {veto_url}",
        "Akun SIAPkerja Anda dipulihkan / Your account was recovered",
        [f"Akun SIAPkerja Anda dipulihkan pada {indonesian(at)} dengan nomor {new_phone.masked}.", YOU_ID],
        [f"Your SIAPkerja account was recovered on {english(at)} with the number {new_phone.masked}.", YOU_EN],
        _veto(veto_url),
        f"SIAPkerja: your account was recovered with the number {new_phone.masked}. Not you? Cancel it: {veto_url}",
    )


def recovery_waits(until: datetime, new_phone: PhoneNumber, veto_url: str) -> Notice:
    """To all contacts of an account that is in use: a recovery waits, and may be completed from `until` on."""
    return Notice(
        "recovery_waits",
        f"SIAPkerja: akun Anda akan dipulihkan {sms_time(until)} ke {new_phone.masked}. Bukan Anda? Batalkan: {veto_url}",
        "Pemulihan akun SIAPkerja Anda menunggu / A recovery of your account is waiting",
        [
            f"Seseorang ingin memulihkan akun SIAPkerja Anda dengan nomor {new_phone.masked}.",
            f"Pemulihan dapat diselesaikan mulai {indonesian(until)} bila tidak Anda batalkan. Apakah ini Anda?",
        ],
        [
            f"Somebody wants to recover your SIAPkerja account with the number {new_phone.masked}.",
            f"It can be completed from {english(until)} on unless you cancel it. Is this you?",
        ],
        _veto(veto_url),
        f"SIAPkerja: your account will be recovered {sms_time(until)} to {new_phone.masked}. Not you? Cancel: {veto_url}",
    )


def recovery_affirmed(at: datetime, veto_url: str) -> Notice:
    """To all old contacts, after somebody confirmed the recovery and its limits ended."""
    return Notice(
        "recovery_affirmed",
        f"SIAPkerja: pemulihan akun Anda dikonfirmasi {sms_time(at)}. Bukan Anda? Laporkan: {veto_url}",
        "Pemulihan akun SIAPkerja Anda dikonfirmasi / The recovery of your account was confirmed",
        [f"Pemulihan akun SIAPkerja Anda dikonfirmasi pada {indonesian(at)}. Semua layanan tersedia kembali.", YOU_ID],
        [f"The recovery of your SIAPkerja account was confirmed on {english(at)}. All services work again.", YOU_EN],
        _veto(veto_url),
        f"SIAPkerja: the recovery of your account was confirmed {sms_time(at)}. Not you? Report it: {veto_url}",
    )


def recovery_ready(until: datetime) -> Notice:
    """To the new number: the recovery has waited, and can be completed with a new code until `until`."""
    how_id = "Buka Kendala Masuk ke Akun? di halaman Masuk, pilih Verifikasi lewat nomor handphone, dan tulis nomor ini."
    how_en = "Open “Trouble signing in?”, choose to verify by mobile number, and enter this number."
    return Notice(
        "recovery_ready",
        "SIAPkerja: pemulihan akun dapat diselesaikan: Kendala Masuk ke Akun? > Verifikasi lewat nomor handphone.",
        "Pemulihan akun SIAPkerja dapat diselesaikan / Your recovery can be completed",
        [f"Pemulihan akun SIAPkerja Anda dapat diselesaikan sampai {indonesian(until)}.", how_id],
        [f"The recovery of your SIAPkerja account can be completed until {english(until)}.", how_en],
        sms_english="SIAPkerja: your recovery can be completed: Trouble signing in? > by mobile number.",
    )


def recovery_vetoed(at: datetime) -> Notice:
    """To the contacts that are in use again (or still), after a recovery was cancelled."""
    return Notice(
        "recovery_vetoed",
        f"SIAPkerja: pemulihan akun dibatalkan {sms_time(at)}, password lama berlaku.",
        "Pemulihan akun SIAPkerja Anda dibatalkan / The recovery of your account was cancelled",
        [f"Pemulihan akun SIAPkerja Anda dibatalkan pada {indonesian(at)}. Kontak dan password lama Anda berlaku.", NOT_YOU_ID],
        [f"The recovery of your account was cancelled on {english(at)}. Your old contacts and password work.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: the recovery was cancelled {sms_time(at)}, your old password works.",
    )


def recovery_disputed(at: datetime) -> Notice:
    """To old and new contacts, after an old contact said no when probation was over: officers decide."""
    return Notice(
        "recovery_frozen",
        f"SIAPkerja: akun Anda dikunci {sms_time(at)} karena pemulihannya disanggah.",
        "Akun SIAPkerja Anda dikunci / Your account was locked",
        [f"Akun SIAPkerja Anda dikunci pada {indonesian(at)}: pemilik kontak lama menyanggah pemulihannya.", HELP_ID],
        [f"Your account was locked on {english(at)}: the owner of an old contact disputes its recovery.", HELP_EN],
        sms_english=f"SIAPkerja: your account was locked {sms_time(at)}, its recovery is disputed.",
    )


def _veto(url: str) -> Link:
    return Link(url, "Bukan saya, batalkan", "Not me, cancel it")
