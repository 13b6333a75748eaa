"""Client of the platform's serving API.

>>> from llmops_client import ServingClient
>>> client = ServingClient("http://127.0.0.1:8000/llm-ops/v1", user_id="admin", user_roles="admin")
>>> client.check_health("chat-model")["status"]
"""

from .serving import ServingClient
from .transport import ServingError

__all__ = ["ServingClient", "ServingError"]
