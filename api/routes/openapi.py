"""This API, described."""

from api.http import JsonText, Routes

routes = Routes(__name__)


@routes.get("/openapi.json", public=True)
def openapi() -> JsonText:
    """This document."""
    from api.openapi import document_text  # noqa: PLC0415 - slow to build, seldom asked for

    return JsonText(document_text())
