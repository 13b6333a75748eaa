"""The one error that a program of this package reports to the platform."""


class Refusal(Exception):
    """Input that cannot be used. `code` is a stable code of the platform's error catalogue."""

    def __init__(self, code: str, message: str, **data: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_dict(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message, **self.data}}


def weights_invalid(message: str) -> Refusal:
    return Refusal("weights_invalid", message)
