"""One request to the platform: headers in, the envelope's `data` out. urllib alone, so that it runs anywhere."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin, urlsplit


class ServingError(Exception):
    """A request that failed. `code` is stable; `remedy` says what to do; quote `error_id` to find it in the logs."""

    def __init__(self, status: int, code: str, message: str, data: dict[str, Any]) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.remedy: str | None = data.get("remedy")
        self.error_id: str | None = data.get("errorId")
        self.issues: list[dict[str, str]] = data.get("issues") or []
        super().__init__(" ".join(filter(None, [f"{message} [{code}]", *self._issue_lines(), self.remedy])))

    def _issue_lines(self) -> list[str]:
        return [f"{issue.get('path')}: {issue.get('message')}" for issue in self.issues]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Identity headers and keys go to the configured origin alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Transport:
    def __init__(self, base_url: str, headers: dict[str, str], timeout: float) -> None:
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(f"base_url must start with http:// or https://, not {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self.headers = headers
        self.timeout = timeout
        self.opener = urllib.request.build_opener(NoRedirect)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """`data` of the reply. Raises ServingError for a refusal, and for a server that cannot be reached (status 0)."""
        return self._send(method, self.base_url + path, body, headers or {})[0]

    def pages(self, path: str) -> list[Any]:
        """All items of a list, page after page as the `Link` header says."""
        items: list[Any] = []
        url: str | None = self.base_url + path
        while url is not None:
            data, link = self._send("GET", url, None, {})
            items += data
            following = re.search(r'<([^>]*)>;\s*rel="?next"?', link)
            url = self._same_origin(urljoin(url, following.group(1))) if following else None
        return items

    def _same_origin(self, url: str) -> str:
        ours, theirs = urlsplit(self.base_url), urlsplit(url)
        return theirs._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()

    def _send(self, method: str, url: str, body: Any, headers: dict[str, str]) -> tuple[Any, str]:
        sent = {"Accept": "application/json", **self.headers, **headers}
        data = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=sent, method=method)
        try:
            with self.opener.open(request, timeout=self.timeout) as reply:
                return unwrap(reply.status, reply.read()), reply.headers.get("Link", "")
        except urllib.error.HTTPError as error:
            with error:
                unwrap(error.code, error.read())
            raise ServingError(error.code, "unexpected_reply", f"{method} {url} answered {error.code}", {}) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            remedy = "Check base_url and that the platform is running (npm start)."
            raise ServingError(0, "unreachable", f"{url} does not answer: {reason}", {"remedy": remedy}) from error


def unwrap(status: int, raw: bytes) -> Any:
    """The envelope {status, message, data} → data, or the error that it tells of."""
    try:
        reply = json.loads(raw)
        said, message, data = reply["status"], reply["message"], reply["data"]
    except (ValueError, TypeError, KeyError):
        raise ServingError(status, "unexpected_reply", f"the answer ({status}) is not the platform's", {}) from None
    if said == "success" and status < 400:
        return data
    detail = data if isinstance(data, dict) else {}
    raise ServingError(status, str(detail.get("code", "unknown")), str(message), detail)
