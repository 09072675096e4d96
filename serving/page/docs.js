// Shows openapi.json with Swagger UI. The token in the address, if any, is sent with every request.

import { headersOf } from "./engine.js";

document.getElementById("draw").hash = location.hash; // pass the token on
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  validatorUrl: null, // never contact another server
  requestInterceptor: (request) => {
    Object.assign(request.headers, headersOf(location));
    return request;
  },
});
