"""One real sandbox for the inspection tests of a process."""

from collections.abc import Callable, Iterator

import pytest

from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.sandbox import Sandbox
from intake.inspection.verdicts import Verdict
from tests.intake.inspection.fakes import FakeScanner


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(children=2) as walls:
        yield walls


@pytest.fixture
def judge(sandbox: Sandbox) -> Callable[..., Verdict]:
    """Inspect bytes under a name, with a scanner that finds nothing unless another is given."""

    def judge(
        content: bytes, name: str = "", scanner: FakeScanner | None = None, limits: Limits | None = None
    ) -> Verdict:
        with Inspector(scanner=scanner or FakeScanner(), sandbox=sandbox) as inspector:
            return inspector.inspect(lambda: [content], size=len(content), declared_name=name, limits=limits)

    return judge
