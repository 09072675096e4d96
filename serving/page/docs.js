// openapi.json for people.

import { get, headersOf } from "./engine.js";

const made = (tag, text = "", ...children) => {
  const node = document.createElement(tag);
  node.textContent = text;
  node.append(...children);
  return node;
};

document.querySelector("a[href='./']").hash = location.hash; // the token goes along
try {
  show(await (await get("openapi.json", headersOf(location))).json());
} catch (error) {
  document.getElementById("description").textContent = error.message;
}

function show(api) {
  document.title = document.getElementById("title").textContent = api.info.title;
  document.getElementById("description").textContent = api.info.description;
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      document.getElementById("operations").append(section(method.toUpperCase(), path, operation));
    }
  }
}

function section(method, path, operation) {
  const rows = (operation.parameters ?? []).map(({ name, description, schema }) =>
    [`?${name}=`, `${description} ${schema.enum.join(" or ")}; ${schema.default} if left out.`]);
  const body = operation.requestBody;
  if (body) rows.push(["body", `${Object.keys(body.content).join(", ")}. ${body.description}`]);
  for (const [status, { description, content }] of Object.entries(operation.responses)) {
    rows.push([status, `${description} (${Object.keys(content).join(", ")})`]);
  }
  const list = made("dl");
  for (const [term, text] of rows) list.append(made("dt", term), made("dd", text));
  const data = body ? " --data-binary @input.png -H 'Accept: image/png' -o output.png" : "";
  const command = made("pre", `curl${data} ${new URL(`.${path}`, location.href)}`);
  return made("section", "", made("h2", `${method} ${path}`), made("p", operation.summary),
    made("p", operation.description ?? ""), list, command);
}
