"""The web server: the page, model.json, and POST /translate. FastAPI generates openapi.json."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect

from data.files.pillow_files import PictureError
from serving.access import AccessGuard, RequireToken
from serving.answers import ErrorMessage, Health, ModelInfo
from serving.connections.answer import Answer
from serving.content_negotiation import ENCODERS
from serving.description import RunDescription
from serving.engine import Engine
from serving.service import Limits, TranslationService
from serving.uploads.decoder import FORMATS
from util.png import encode_png

PAGE = Path(__file__).with_name("page")
API_TEXT = """Send an image, get its translation:

`curl --data-binary @input.png http://127.0.0.1:8100/translate -o output.png`

A server that other machines can reach requires its token, too:
`-H 'Authorization: Bearer TOKEN'`. Errors are `{"error": "..."}`.
"""
TRANSLATE_TEXT = (
    "The body is the file itself, of at most {0.upload_bytes:,} bytes and {0.pixels:,} pixels. "
    "The answer has the size of the image. It is PNG, JPEG or WebP, as the Accept header asks; PNG "
    "is what test.py writes."
)
ERRORS = {
    401: "The token is missing or wrong.",
    403: "The Host header does not name this machine, or the request comes from another site.",
    406: "The Accept header matches no format of the server.",
    408: "The image comes too slowly.",
    413: "Too many bytes or pixels.",
    422: "Not an image, a damaged or hostile image, or an unknown direction.",
    503: "Too many requests at once, no answer in time, too little memory, or a server that stops.",
}
_STATUS = {PictureError: 422, ClientDisconnect: 400, MemoryError: 503}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def create_app(
    engine: Engine, description: RunDescription, limits: Limits, *, token: str | None = None
) -> FastAPI:
    """Build the application. With a ``token``, only clients that send it can use the model."""
    service = TranslationService(engine, limits)
    app = FastAPI(
        title=f"Image-to-image translation: {description.name}", description=API_TEXT,
        version="1", openapi_url=None, docs_url=None, redoc_url=None, responses=_errors(403),
        exception_handlers=dict.fromkeys([AnyHTTPException, *_STATUS, Exception], _answer_error),
    )
    app.state.service = service
    app.add_middleware(AccessGuard, local_only=token is None)
    private = APIRouter(dependencies=[Depends(RequireToken(token))] if token else [],
                        responses=_errors(401) if token else {})
    _add_translate(private, service, description)
    _add_run(private, description)
    private.add_api_route("/openapi.json", app.openapi, include_in_schema=False)
    app.include_router(private)

    @app.head("/health", include_in_schema=False)
    @app.get("/health", summary="Whether the server answers, and how many images are waiting.")
    async def health() -> Health:
        return Health("ok", len(service.network.waiting))

    @app.head("/docs", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html")

    app.mount("/swagger", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.router.default = StaticFiles(directory=PAGE, html=True)  # for all other URLs
    return app


def _add_translate(
    router: APIRouter, service: TranslationService, description: RunDescription
) -> None:
    names = [direction.info.id for direction in description.directions]
    answers = dict.fromkeys(ENCODERS, _BINARY)
    uploads = {f"image/{name.lower()}": _BINARY for name in FORMATS}

    @router.post("/translate", summary="Translate an image.",
                 description=TRANSLATE_TEXT.format(service.limits), response_class=Response,
                 responses=_errors(406, 408, 413, 422, 503)
                 | {200: {"description": "The translation.", "content": answers}},
                 openapi_extra={"requestBody": {"required": True, "content": uploads}})
    async def translate(
        request: Request,
        direction: Annotated[str, Query(
            description="From which side of the training data to which.",
            json_schema_extra={"enum": [*names]},
        )] = names[0],
    ) -> Response:
        for name in names:
            if name == direction:
                return await service.translate(request, name)
        raise HTTPException(422, f"direction={direction}: this run knows {', '.join(names)}")


def _add_run(router: APIRouter, description: RunDescription) -> None:
    info = description.info("server")

    @router.head("/model.json", include_in_schema=False)
    @router.get("/model.json", summary="The size of the canvas, the directions and the samples.")
    async def model() -> ModelInfo:
        return info

    @router.head("/samples/{name}/{number}.png", include_in_schema=False)
    @router.get("/samples/{name}/{number}.png", include_in_schema=False)
    def sample(name: str, number: str) -> Response:  # not async: it runs in a thread
        named = (found for found in description.directions if found.info.id == name)
        direction = next(named, None)
        if direction is None or number not in map(str, range(len(direction.sources))):
            raise HTTPException(404, "there is no such sample")
        pixels = description.sample(direction, int(number))
        return Answer(encode_png(pixels), media_type="image/png")


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": ErrorMessage, "description": ERRORS[code]} for code in statuses}


async def _answer_error(request: Request, error: Exception) -> Response:
    """Answer every error in the form of ``ErrorMessage``."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    message, headers = str(error), {}
    if isinstance(error, AnyHTTPException):
        status, message, headers = error.status_code, error.detail, dict(error.headers or {})
        if message == HTTPStatus(status).phrase:  # raised by the framework
            message = f"{request.method} {request.url.path}: {message}; GET /docs lists the URLs"
    elif status == 500:
        message = f"internal error of the server ({error!r})"
    if status == 503:
        headers["Retry-After"] = "1"
    return JSONResponse({"error": message}, status, headers)
