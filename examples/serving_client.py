"""Deploy, watch, call and roll back an endpoint from Python. Standard library only.

    python examples/serving_client.py workflow     deploy, wait, check health, chat, list
    python examples/serving_client.py deploy       deploy and wait
    python examples/serving_client.py list         list endpoints
    python examples/serving_client.py rollback     back to the previous revision

Options have defaults that fit `npm run demo`: see `--help`. As a library: `from examples.serving_client import ServingClient`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# a clone needs no installation; an installed llmops_client is the same
sys.path.append(str(Path(__file__).resolve().parents[1] / "python" / "client"))

from llmops_client import ServingClient, ServingError  # noqa: E402

__all__ = ["ServingClient", "ServingError", "main"]


def deploy(client: ServingClient, options: argparse.Namespace) -> dict:
    model_id = options.model_id or newest_approved(client)
    print(f"Deploying model {model_id} to {options.environment} as {options.route} …")
    try:
        endpoint = client.deploy_endpoint(
            model_id=model_id, environment=options.environment, route=options.route, min_replicas=1, max_replicas=1
        )
    except ServingError as error:
        if error.code != "endpoint_route_taken":
            raise
        endpoint = find(client, options)
        print("It is there already.")
    print(f"Endpoint {endpoint['id']}: waiting until it is healthy …")
    if not client.wait_for_healthy(endpoint["id"], max_wait_seconds=options.max_wait):
        endpoint = client.get_endpoint(endpoint["id"])
        for condition in endpoint["conditions"]:
            print(f"  {condition['reason']}: {condition['message']} {condition['remedy']}")
        raise SystemExit(f"✗ The endpoint is {endpoint['status']}.")
    print("✓ The endpoint is healthy.")
    return endpoint


def workflow(client: ServingClient, options: argparse.Namespace) -> None:
    deploy(client, options)
    health = client.check_health(options.route)
    print(f"✓ Health: {health['status']}, model {health['model']['name']} {health['model']['version']}")
    messages = [{"role": "user", "content": options.question}]
    answer = client.call_chat_model(options.route, messages, temperature=0, max_tokens=200)
    print(f"> {options.question}\n{answer['choices'][0]['message']['content']}")
    print(f"✓ {answer['usage']['total_tokens']} tokens")
    show_list(client, options)


def show_list(client: ServingClient, options: argparse.Namespace) -> None:
    endpoints = client.list_endpoints(environment=options.environment)
    print(f"{len(endpoints)} endpoints in {options.environment}")
    for each in endpoints:
        print(f"  {each['id']}  {each['route']}  {each['status']}  {each['modelName']} {each['version']}")


def rollback(client: ServingClient, options: argparse.Namespace) -> None:
    endpoint_id = options.endpoint_id or find(client, options)["id"]
    endpoint = client.rollback_endpoint(endpoint_id)
    print(f"✓ Endpoint {endpoint['id']} is rolling back and now {endpoint['status']}.")


def newest_approved(client: ServingClient) -> str:
    models = client.list_models(status="approved")
    if not models:
        raise SystemExit("✗ No approved model. Give --model-id, or run `npm run demo` to make one.")
    return models[0]["id"]


def find(client: ServingClient, options: argparse.Namespace) -> dict:
    for each in client.list_endpoints(environment=options.environment):
        if each["route"] == "/" + options.route.strip().strip("/"):
            return each
    raise SystemExit(f"✗ No endpoint with the route {options.route} in {options.environment}.")


def main(arguments: list[str] | None = None) -> None:
    commands = {"workflow": workflow, "deploy": deploy, "list": show_list, "rollback": rollback}
    parser = argparse.ArgumentParser(description="Examples of the serving API.")
    parser.add_argument("command", choices=commands)
    for flag, fallback, meaning in (
        ("base-url", "http://127.0.0.1:8000/llm-ops/v1", "of the platform"),
        ("user-id", "admin", "where identity comes from headers"),
        ("user-roles", "admin", "comma-separated"),
        ("api-key", None, "instead of user id and roles"),
        ("model-id", None, "default: the newest approved model"),
        ("endpoint-id", None, "for rollback; default: by route"),
        ("environment", "dev", "dev, stg or prod"),
        ("route", "/llm-ops/v1/serve/chat-model", "of the endpoint"),
        ("question", "What is a revision?", "asked by the workflow"),
    ):
        variable = flag.upper().replace("-", "_")
        help_text = f"{meaning}; also {variable} in the environment"
        parser.add_argument(f"--{flag}", default=os.environ.get(variable) or fallback, help=help_text)
    parser.add_argument("--max-wait", type=float, default=300, help="seconds to wait for healthy")
    options = parser.parse_args(arguments)
    if options.api_key:
        client = ServingClient(options.base_url, api_key=options.api_key)
    else:
        client = ServingClient(options.base_url, options.user_id, options.user_roles)
    try:
        commands[options.command](client, options)
    except ServingError as error:
        raise SystemExit(f"✗ {error}") from error


if __name__ == "__main__":
    main()
