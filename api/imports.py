"""A pasted message explained: what the webhook would take it for, without taking it."""

from api.alerts import Message, Unreadable, native_alert, read_message
from backstop.contracts.alerts import NativeAlert
from backstop.contracts.errors import FieldError
from backstop.contracts.imports import Explanation, FieldNote, Outcome

_DEFAULTS = {
    "qty": "the strategy's sizing",
    "stop_loss": "the strategy's protection",
    "take_profit": "the strategy's protection",
    "leverage": "the strategy's leverage",
    "id": "without id and time the same body counts once within 30 s",
}


def explain(text: str) -> Explanation:
    """Placeholders that TradingView would fill in have that said of them."""
    message = read_message(text.encode("utf-8", "surrogatepass"))
    if isinstance(message, Unreadable):
        notes = [
            FieldNote(field=e.field, outcome=Outcome.AMBIGUOUS, becomes=None, meaning=e.message) for e in message.errors
        ]
        return Explanation(dialect=None, accepted=False, alert=None, notes=notes)
    read = native_alert(message, message.secret)
    told = _translated(message)
    if not isinstance(read, NativeAlert):
        known = {note.field for note in told if note.outcome in (Outcome.AMBIGUOUS, Outcome.UNSUPPORTED)}
        wrong = [_wrong(error) for error in read if error.field not in known]
        return Explanation(dialect=message.dialect_name, accepted=False, alert=None, notes=[*told, *wrong])
    alert = read.model_dump(mode="json", exclude={"secret"}, exclude_none=True)
    return Explanation(dialect=message.dialect_name, accepted=True, alert=alert, notes=[*told, *_defaults(alert, told)])


def _wrong(error: FieldError) -> FieldNote:
    return FieldNote(field=error.field, outcome=Outcome.AMBIGUOUS, becomes=None, meaning=error.message)


def _translated(message: Message) -> list[FieldNote]:
    if message.dialect is not None:
        return message.dialect.translate(message.content).notes
    assert isinstance(message.content, dict)
    return [
        FieldNote(field=name[:100], outcome=Outcome.IGNORED, becomes=None, meaning="the secret of the webhook")
        if name == "secret"
        else FieldNote(field=name[:100], outcome=Outcome.USED, becomes=name[:100], meaning="")
        for name in message.content
        if name in NativeAlert.model_fields
    ]


def _defaults(alert: dict[str, object], told: list[FieldNote]) -> list[FieldNote]:
    """What applies because the message does not say."""
    said = {note.field for note in told if note.outcome is Outcome.DEFAULTED} | set(alert)
    leaves = alert.get("action") == "close" or alert.get("position") == "flat"
    return [
        FieldNote(field=name, outcome=Outcome.DEFAULTED, becomes=name, meaning=meaning)
        for name, meaning in _DEFAULTS.items()
        if name not in said and not (leaves and name != "id") and not (name == "id" and "time" in alert)
    ]
