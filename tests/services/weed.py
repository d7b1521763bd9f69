"""A real S3 server (SeaweedFS) for the test session; every test gets a bucket of its own."""

import http.client
import json
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_s3 import S3Client

from tests.services.processes import Server, free_ports, required, server_directory

REGION = "us-east-1"
GRPC = 10_000
"""SeaweedFS also listens this far above each of its ports."""


@dataclass(kw_only=True)
class Weed:
    """A running S3 server. `server` can be killed and started again: it answers 10 to 20 s later."""

    server: Server
    port: int
    data: Path
    access_key: str
    secret_key: str
    region: str = REGION
    buckets: int = field(default=0)

    @property
    def endpoint_url(self) -> str:
        """The address of the S3 interface."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> S3Client:
        """Return a plain client of the tests, apart from the product's own."""
        config = Config(
            s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2}
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            config=config,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )

    def start(self) -> None:
        """Start the server, or start it again after a kill; waits until an object can be written and read."""
        self.server.start(self._answers, within=90)

    def create_bucket(self) -> str:
        """Create an empty bucket and return its name."""
        self.buckets += 1
        name = f"test-{self.buckets}-{secrets.token_hex(4)}"
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return name

    def drop_bucket(self, name: str) -> None:
        """Remove a bucket with all that is in it."""
        client = self.client()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for found in page.get("Contents", []):
                client.delete_object(Bucket=name, Key=found["Key"])
        client.delete_bucket(Bucket=name)
        client.close()

    def _answers(self) -> bool:
        try:
            listening = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            listening.request("GET", "/")
            listening.getresponse().read()
            listening.close()
        except (OSError, http.client.HTTPException):
            return False
        client = self.client()
        try:
            if not any(bucket.get("Name") == "awake" for bucket in client.list_buckets().get("Buckets", [])):
                client.create_bucket(Bucket="awake")
            client.put_object(Bucket="awake", Key="probe", Body=b"awake")
            return client.get_object(Bucket="awake", Key="probe")["Body"].read() == b"awake"
        except (BotoCoreError, ClientError):
            return False
        finally:
            client.close()


@contextmanager
def running_weed() -> Iterator[Weed]:
    """Start SeaweedFS on loopback with one identity; its data lives in a temporary folder."""
    program = required("weed", Path(sys.executable).parent)
    with server_directory("weed") as directory:
        data = directory / "data"
        data.mkdir()
        access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
        # One volume at a time for a bucket: each bucket grabs seven otherwise, and the server runs out of them.
        growth = "[master.volume_growth]\n" + "".join(f"copy_{n} = 1\n" for n in (1, 2, 3, "other"))
        (directory / "master.toml").write_text(growth)
        names = ("master", "volume", "filer", "s3")
        ports = dict(zip(names, free_ports(len(names), companion=GRPC), strict=True))
        server = Server(
            [
                program,
                "-logtostderr=true",
                "server",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                f"-master.port={ports['master']}",
                f"-volume.port={ports['volume']}",
                "-filer=true",
                f"-filer.port={ports['filer']}",
                "-s3",
                f"-s3.port={ports['s3']}",
                "-s3.config=s3.json",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.localSocket={directory}/s3.sock",
                f"-filer.localSocket={directory}/filer.sock",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=400",
                "-master.telemetry=false",
            ],
            directory=directory,
            log=directory / "log",
            stop_signal=signal.SIGKILL,  # an orderly end takes longer than the tests
        )
        weed = Weed(server=server, port=ports["s3"], data=data, access_key=access_key, secret_key=secret_key)
        try:
            weed.start()
            yield weed
        finally:
            server.stop()
            for name, port in ports.items():  # their place is not a setting
                Path(f"/tmp/seaweedfs-{name}-grpc-{port + GRPC}.sock").unlink(missing_ok=True)
