"""The interface of the server in OpenAPI 3.1, for programs that read such things."""

from typing import Any

from serving.accepted import FORMATS as ANSWERS
from serving.description import Description
from serving.limits import FORMATS, Limits

_ERROR = {
    "application/json": {
        "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
    }
}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


def openapi(description: Description, limits: Limits) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Image-to-image translation: {description.name}",
            "version": "1",
            "description": (
                "Send a picture, get its translation. A server that others can reach wants its "
                "token, too: -H 'Authorization: Bearer TOKEN'."
            ),
        },
        "security": [{}, {"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "paths": {
            "/translate": {"post": _translate(description, limits)},
            "/model.json": {"get": _get("What the model takes, and its sizes, colours, samples.")},
            "/health": {"get": _get("Whether the server answers, and how many pictures wait.")},
        },
    }


def _translate(description: Description, limits: Limits) -> dict[str, Any]:
    names = [one.direction for one in description.directions]
    return {
        "summary": "Translate one picture.",
        "description": (
            "The body is the file itself. The answer has the size of the picture, and is PNG, JPEG "
            "or WebP as the Accept header says; PNG is what test.py writes."
        ),
        "parameters": [{
            "name": "direction", "in": "query",
            "description": "From which side of the training's data to which.",
            "schema": {"type": "string", "enum": names, "default": names[0]},
        }],
        "requestBody": {
            "required": True,
            "description": f"At most {limits.upload_bytes:,} bytes and {limits.pixels:,} pixels.",
            "content": {f"image/{name.lower()}": _BINARY for name in FORMATS},
        },
        "responses": {
            "200": {
                "description": "The translation.",
                "content": {one.media_type: _BINARY for one in ANSWERS},
            },
            "401": _failure("A token is wanted."),
            "403": _failure("Asked by another name than this machine's, or from another site."),
            "406": _failure("The Accept header names no format of ours."),
            "413": _failure("Too many bytes or pixels."),
            "422": _failure("No picture, a damaged one, or an unknown direction."),
            "503": _failure(
                f"Too many requests at once, or no answer within {limits.seconds:g} seconds."
            ),
        },
    }


def _get(summary: str) -> dict[str, Any]:
    answer = {"description": "JSON.", "content": {"application/json": {}}}
    return {"summary": summary, "responses": {"200": answer}}


def _failure(description: str) -> dict[str, Any]:
    return {"description": description, "content": _ERROR}
