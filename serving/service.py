"""Translation of uploads: decode an untrusted image within limits, run the network, encode."""

import asyncio
import io
from dataclasses import dataclass
from pathlib import Path

from fastapi import HTTPException, Request, Response
from PIL import Image, UnidentifiedImageError

from data.files.image_io import raster_of_pil
from data.files.pillow_files import PictureError, upright
from data.files.raster import Pixels, Raster
from inference.generator_file import Direction
from serving.batching import Batcher
from serving.content_negotiation import ENCODERS, choose_media_type
from serving.engine import Engine
from util.disk.content import format_of

UPLOAD_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # decoders that clients may reach
_UPLOAD = Path("the image")  # the name of an upload in error messages
_BatchKey = tuple[Direction, tuple[int, ...], str]  # direction, shape, dtype


@dataclass(frozen=True)
class Limits:
    """``seconds``: from the head of a request to its answer. ``waiting``: open requests."""

    upload_bytes: int = 8 * 2**20
    pixels: int = 2048 * 2048
    side: int = 8192  # pixels; the limit of WebP is twice as large
    seconds: float = 30.0
    waiting: int = 32


class TranslationService:
    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.engine, self.limits = engine, limits
        self.network: Batcher[_BatchKey, Pixels, Pixels] = Batcher(
            lambda key, images: engine.translate(key[0], images), max_waiting=limits.waiting
        )
        self.open_requests = 0

    async def translate(self, request: Request, direction: Direction) -> Response:
        """Return the translation of the body of a request.

        Raises:
            HTTPException: the request exceeds a limit, or its content cannot be used.
        """
        if self.open_requests >= self.limits.waiting:
            message = f"{self.open_requests} requests are open, which is the limit; try again later"
            raise HTTPException(503, message)
        self.open_requests += 1
        try:
            return await asyncio.wait_for(self._translate(request, direction), self.limits.seconds)
        except asyncio.TimeoutError as error:
            message = f"there was no answer within {self.limits.seconds:g} seconds; send a smaller "
            raise HTTPException(503, message + "image, or try again later") from error
        finally:
            self.open_requests -= 1

    async def _translate(self, request: Request, direction: Direction) -> Response:
        media_type = choose_media_type(request.headers.get("accept", ""))
        content = await self._body(request)
        raster = await asyncio.to_thread(decode_upload, content, self.limits)
        pixels = self.engine.translators[direction].input.convert(raster, source=_UPLOAD)
        output = await self.network((direction, pixels.shape, pixels.dtype.str), pixels)
        answer = await asyncio.to_thread(ENCODERS[media_type], output)
        return Response(answer, media_type=media_type)

    async def _body(self, request: Request) -> bytes:
        limit, content = self.limits.upload_bytes, bytearray()
        if int(request.headers.get("content-length", "0")) <= limit:
            async for part in request.stream():
                content += part
                if len(content) > limit:
                    break
            else:
                return bytes(content)
        raise HTTPException(413, f"the file has more than {limit:,} bytes; send a smaller one, or "
                                 "start the server with a larger --max_bytes")


def decode_upload(content: bytes, limits: Limits) -> Raster:
    """Return the first image of a file, upright, with its channels unchanged.

    The size is read from the header before any pixel is decoded, so a decompression bomb is
    refused without being unpacked.

    Raises:
        PictureError: the image has whole numbers of more than 16 bits.
        HTTPException: 413 for too many pixels, 422 if the content is not a complete image.
    """
    try:
        with Image.open(io.BytesIO(content), formats=UPLOAD_FORMATS) as image:
            width, height = image.size
            if width * height > limits.pixels or max(image.size) > limits.side:
                raise Image.DecompressionBombError(f"the image has {width} x {height} pixels")
            image.load()
            return raster_of_pil(upright(image, _UPLOAD), source=_UPLOAD)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise HTTPException(413, f"{error}; at most {limits.pixels:,}, and {limits.side:,} on a "
                                 "side, are accepted: send a smaller image, or start the server "
                                 "with a larger --max_pixels") from error
    except PictureError:  # the application answers it with 422
        raise
    except Exception as error:  # of any type: a damaged file may raise a MemoryError
        raise HTTPException(422, _decoding_problem(error, content)) from error


def _decoding_problem(error: Exception, content: bytes) -> str:
    if not content:
        found = "the request has no content"
    elif format_of(content) == ".dcm":  # pydicom and its decoders are not for unknown senders
        found = "the image is DICOM, which test.py translates (--dataroot FILE), but not the server"
    elif isinstance(error, UnidentifiedImageError):
        found = f"the {len(content):,} bytes are not an image of a known format"
    else:
        found = f"the image is damaged ({error})"
    return f"{found}; send a complete {' or '.join(UPLOAD_FORMATS)} file as the request body"
