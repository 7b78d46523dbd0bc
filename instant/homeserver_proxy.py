"""Which requests go to Synapse's workers: a site file for nginx, beside the files of the workers.

Synapse manual, "Workers": what is not named here, such as uploads and messages to devices, is the main process's.
"""

from collections.abc import Sequence

FILE = "nginx-chat.conf"
_CLIENT, _ROOM = "^/_matrix/client/(api/v1|r0|v3|unstable)", "/rooms/[^/]*"
PATHS = (
    f"{_CLIENT}/sync$",
    f"{_CLIENT}{_ROOM}/(send|redact|messages|context|members|joined_members|event|relations|threads|state)(/|$)",
    f"{_CLIENT}{_ROOM}/(join|invite|leave|ban|unban|kick)$",
    f"{_CLIENT}/(join/|joined_rooms$|createRoom$)",
    f"{_CLIENT}/keys/(query|claim|changes)$",
    f"{_CLIENT}/(account/whoami|capabilities|versions)$",
    f"{_CLIENT}/user/[^/]*/(filter|rooms|account_data)(/|$)",
)


def site(server_name: str, main: str, workers: Sequence[str], most_octets: int) -> str:
    """One user's requests go to one worker, which knows his place in the stream. Addresses are `host:port`."""
    servers = "\n".join(f"    server {address};" for address in workers)
    paths = "\n".join(f"    location ~ {path} {{ proxy_pass http://pli_chat; }}" for path in PATHS)
    return f"""upstream pli_chat {{
    hash $http_authorization consistent;
{servers}
}}
server {{
    server_name {server_name};  # with your certificate: listen 443 ssl, ssl_certificate, ssl_certificate_key
    client_max_body_size {most_octets};
    proxy_http_version 1.1;
    proxy_read_timeout 600s;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
{paths}
    location ~ ^/(_matrix|_synapse/client)/ {{ proxy_pass http://{main}; }}
}}
"""
