"""The page that shows the API's document. It has the panel's address: what it loads must stay the same."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from disparo.api.heads import WithHead

router = APIRouter(include_in_schema=False, route_class=WithHead)

_FROM = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0"
#: Of the very files of that version: a browser runs no others.
_SCRIPT = "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9"
_STYLE = "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I"
_PAGE = f"""<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API do Disparo</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{_FROM}/swagger-ui.css" integrity="{_STYLE}" crossorigin="anonymous">
</head>
<body>
<div id="swagger-ui">O documento está em <a href="/openapi.json">/openapi.json</a>.</div>
<script src="{_FROM}/swagger-ui-bundle.js" integrity="{_SCRIPT}" crossorigin="anonymous"></script>
<script>SwaggerUIBundle({{url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true}})</script>
</body>
</html>
"""


@router.get("/docs")
async def show() -> HTMLResponse:
    """Show the API's document, and let it be tried out."""
    return HTMLResponse(_PAGE, headers={"X-Frame-Options": "DENY"})
