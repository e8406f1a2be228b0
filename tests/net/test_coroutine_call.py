"""The call of a coroutine function, and its end."""

import asyncio

import pytest

from lazr.smtptest.net.coroutine_call import CoroutineCall


def run_call(cancel_after, make_coroutine):
    """Run a coroutine, and cancel it after some passes of the loop."""

    async def run():
        loop = asyncio.get_running_loop()
        call = CoroutineCall(make_coroutine(lambda: call))
        call.start(loop.create_task, asyncio.current_task, loop.call_soon)
        for _ in range(cancel_after):
            await asyncio.sleep(0)
        call.cancel()
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize("cancel_after", [0, 1, 2])
def test_cancelled_coroutine_takes_no_further_step(cancel_after):
    steps = []

    def make_coroutine(get_call):
        async def count_steps():
            for number in range(10):
                steps.append(number)
                await asyncio.sleep(0)

        return count_steps()

    run_call(cancel_after, make_coroutine)

    assert steps == list(range(max(cancel_after, 1)))


def test_coroutine_that_cancels_itself_goes_on():
    steps = []

    def make_coroutine(get_call):
        async def cancel_itself():
            get_call().cancel()
            await asyncio.sleep(0)
            steps.append("end")

        return cancel_itself()

    run_call(4, make_coroutine)

    assert steps == ["end"]
