"""Deploy, watch, call and roll back endpoints."""

from __future__ import annotations

import time
import uuid
from typing import Any
from urllib.parse import quote, urlencode

from .transport import Transport

SERVE = "/llm-ops/v1/serve/"


class ServingClient:
    """
    `base_url` ends in `/llm-ops/v1`. Identify yourself by `user_id` and `user_roles` (comma-separated) where the platform
    takes identity from headers, else by `api_key`. Every method returns the `data` of the reply and raises ServingError.
    """

    def __init__(
        self,
        base_url: str,
        user_id: str | None = None,
        user_roles: str | None = None,
        *,
        user_team: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        given = {
            "X-User-Id": user_id,
            "X-User-Roles": user_roles,
            "X-User-Team": user_team,
            "Authorization": f"Bearer {api_key}" if api_key else None,
        }
        self._transport = Transport(base_url, {name: value for name, value in given.items() if value}, timeout)

    def deploy_endpoint(
        self,
        model_id: str,
        environment: str,
        route: str,
        min_replicas: int = 1,
        max_replicas: int = 1,
        autoscale_policy: dict[str, Any] | None = None,
        prompt_policy_id: str | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """
        Deploys an approved model and returns its endpoint, still `deploying`. `environment` is dev, stg or prod; `options` are
        further fields of the request, such as `use_gpu`, `version`, `memory_limit`, or `rollback_plan` and `change` (needed for prod).
        With one `idempotency_key` a repeated call deploys once.
        """
        body = {
            "modelId": model_id,
            "environment": environment,
            "route": route,
            "minReplicas": min_replicas,
            "maxReplicas": max(min_replicas, max_replicas),
            "autoscalePolicy": autoscale_policy,
            "promptPolicyId": prompt_policy_id,
            **{camel(name): value for name, value in options.items()},
        }
        return self._transport.call(
            "POST",
            "/serving/endpoints",
            {name: value for name, value in body.items() if value is not None},
            {"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
        )

    def wait_for_healthy(self, endpoint_id: str, max_wait_seconds: float = 300, poll_interval: float = 2.0) -> bool:
        """True when the endpoint is healthy; False when it failed or is not healthy in time (its conditions say why)."""
        end = time.monotonic() + max_wait_seconds
        while True:
            status = self.get_endpoint(endpoint_id)["status"]
            left = end - time.monotonic()
            if status in ("healthy", "failed") or left <= 0:
                return status == "healthy"
            time.sleep(min(poll_interval, left))

    def check_health(self, route_name: str) -> dict[str, Any]:
        """`{status, timestamp, model{name, version}}` of a route, given by its name or its whole path."""
        return self._transport.call("GET", f"/serve/{name_of(route_name)}/health")

    def list_endpoints(
        self, environment: str | None = None, model_id: str | None = None, status: str | None = None
    ) -> list[dict[str, Any]]:
        """All endpoints that you may see, newest first."""
        return self._list("/serving/endpoints", {"environment": environment, "modelId": model_id, "status": status})

    def get_endpoint(self, endpoint_id: str) -> dict[str, Any]:
        return self._transport.call("GET", f"/serving/endpoints/{quote(endpoint_id, safe='')}")

    def rollback_endpoint(self, endpoint_id: str) -> dict[str, Any]:
        """Back to the previous revision; with none, the endpoint scales to zero."""
        return self._transport.call("POST", f"/serving/endpoints/{quote(endpoint_id, safe='')}/rollback")

    def call_chat_model(
        self,
        route_name: str,
        messages: list[dict[str, Any]],
        temperature: float | None = None,
        max_tokens: int | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """A chat completion: `{choices[{message{role, content}, finish_reason}], usage, model, endpoint}`."""
        body = {"messages": messages, "temperature": temperature, "max_tokens": max_tokens, **options}
        sent = {name: value for name, value in body.items() if value is not None}
        return self._transport.call("POST", f"/serve/{name_of(route_name)}/chat", sent)

    def list_models(self, status: str | None = None) -> list[dict[str, Any]]:
        """Models of the catalog, newest first: what can be deployed has the status `approved`."""
        return self._list("/catalog/models", {"status": status})

    def _list(self, path: str, filters: dict[str, str | None]) -> list[dict[str, Any]]:
        query = urlencode({name: value for name, value in filters.items() if value is not None})
        return self._transport.pages(f"{path}?{query}" if query else path)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def name_of(route: str) -> str:
    """A route's name as part of a path: `/llm-ops/v1/serve/chat-model` and `chat-model` are the same."""
    route = route.strip()
    return quote((route[len(SERVE) :] if route.startswith(SERVE) else route).strip("/"), safe="/")
