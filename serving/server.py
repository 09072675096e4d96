"""The web server: the page, what it must know, and POST /translate.

Starlette carries the requests. Each is read within limits, waits with others for the network
(batching.py), and is answered in the format that it accepts.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from data.files.pillow_files import PictureError
from data.files.raster import Pixels
from inference.generator_file import Direction
from serving.accepted import PNG, wanted_format
from serving.access import Access, refuse
from serving.batching import Batcher
from serving.description import Description
from serving.engine import Engine
from serving.limits import Limits, RefusedError, read_picture
from serving.openapi import openapi

log = logging.getLogger(__name__)
_Key = tuple[Direction, tuple[int, ...], str]  # of pictures that may share a batch
PAGE = Path(__file__).with_name("page")


class Service:
    """The answers, without their addresses."""

    def __init__(self, engine: Engine, description: Description, limits: Limits) -> None:
        self.engine, self.description, self.limits = engine, description, limits
        self.network: Batcher[_Key, Pixels, Pixels] = Batcher(
            lambda key, pictures: engine.translate(key[0], pictures), waiting=limits.waiting
        )
        self.active = 0

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """The network works as long as the server runs."""
        working = asyncio.create_task(self.network.run())
        yield
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

    async def translate(self, request: Request) -> Response:
        if self.active >= self.limits.waiting:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no more requests than {self.active} are taken at once; try again later",
            )
        self.active += 1
        try:
            return await asyncio.wait_for(self._translate(request), self.limits.seconds)
        except (asyncio.TimeoutError, TimeoutError) as error:  # two classes until Python 3.11
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"there was no answer within {self.limits.seconds:g} seconds; send a smaller "
                "picture, or try again later",
            ) from error
        finally:
            self.active -= 1

    async def _translate(self, request: Request) -> Response:
        chosen = self._direction(request)
        wanted = wanted_format(request.headers.get("accept", ""))
        content = await self._body(request)
        raster = await asyncio.to_thread(read_picture, content, self.limits)
        pixels = self.engine.read(raster, chosen)
        made = await self.network((chosen, pixels.shape, pixels.dtype.str), pixels)
        return Response(await asyncio.to_thread(wanted.encode, made), media_type=wanted.media_type)

    def _direction(self, request: Request) -> Direction:
        known = [one.direction for one in self.description.directions]
        chosen = request.query_params.get("direction") or known[0]
        for direction in known:
            if direction == chosen:
                return direction
        raise RefusedError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"direction={chosen}: this run knows {', '.join(known)}",
        )

    async def _body(self, request: Request) -> bytes:
        most = self.limits.upload_bytes
        content = bytearray()
        announced = request.headers.get("content-length", "0")
        if int(announced) <= most:
            async for part in request.stream():
                content += part
                if len(content) > most:
                    break
            else:
                return bytes(content)
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the file has more than {most:,} bytes; send a smaller one, or start the server with "
            "a larger --max_bytes",
        )

    async def sample(self, request: Request) -> Response:
        one = self.description.of(request.path_params["direction"])
        number = request.path_params["number"]
        if one is None or number not in map(str, range(len(one.samples))):
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such sample")
        levels = await asyncio.to_thread(self.description.sample, one, int(number))
        return Response(PNG.encode(levels), media_type=PNG.media_type)

    async def model(self, _: Request) -> Response:
        return JSONResponse(self.description.as_json() | {"engine": "server"})

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok", "waiting": len(self.network.waiting)})

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(openapi(self.description, self.limits))


def create_app(
    engine: Engine, description: Description, limits: Limits, *, token: str | None = None
) -> Starlette:
    """The application. With a ``token``, translations are for those who send it."""
    service = Service(engine, description, limits)
    return Starlette(
        routes=[
            Route("/translate", service.translate, methods=["POST"]),
            Route("/translate", _not_posted, methods=["GET"]),
            Route("/samples/{direction}/{number}.png", service.sample),
            Route("/model.json", service.model),
            Route("/health", service.health),
            Route("/openapi.json", service.openapi),
            Route("/docs", _docs),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        middleware=[Middleware(Access, token=token)],
        exception_handlers={
            RefusedError: _refused,
            HTTPException: _no_such_address,
            PictureError: _say(HTTPStatus.UNPROCESSABLE_ENTITY),
            ClientDisconnect: _say(HTTPStatus.BAD_REQUEST),
            MemoryError: _say(HTTPStatus.SERVICE_UNAVAILABLE),
            Exception: _unexpected,
        },
        lifespan=service.lifespan,
    )


def _say(status: HTTPStatus) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_: Request, error: Exception) -> Response:
        return refuse(status, str(error))

    return answer


async def _docs(_: Request) -> Response:
    return FileResponse(PAGE / "docs.html")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return refuse(error.status, str(error))


async def _not_posted(_: Request) -> Response:
    raise RefusedError(
        HTTPStatus.METHOD_NOT_ALLOWED, "POST a picture to /translate; GET /docs tells how"
    )


async def _no_such_address(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    asked = f"{request.method} {request.url.path}"
    return refuse(
        HTTPStatus(error.status_code), f"{asked}: {error.detail}; GET /docs tells what there is"
    )


async def _unexpected(_: Request, error: Exception) -> Response:
    return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"the server made a mistake ({error!r})")
