"use strict";

const chooser = document.getElementById("api");
const wanted = new URLSearchParams(location.search).get("api");
if ([...chooser.options].some((option) => option.value === wanted)) {
  chooser.value = wanted;
}
chooser.addEventListener("change", () => location.assign(`/docs?api=${chooser.value}`));

const url = `/openapi/${chooser.value}.json`;
document.getElementById("document").href = url;
fetch(url)
  .then((reply) => reply.json())
  .then((spec) => {
    leaveOptionalFieldsEmpty(spec);
    SwaggerUIBundle({
      spec,
      dom_id: "#swagger-ui",
      deepLinking: true,
      defaultModelsExpandDepth: 0,
      validatorUrl: null,
      plugins: [() => ({ wrapComponents: { ParameterIncludeEmpty: sendsNothingEmpty } })],
    });
  });

// Swagger UI fills every field of a form with a value that it makes up, and sends all of them, empty ones too. Here
// optional fields without an example are empty, and an empty one is sent only where its box is ticked.
function leaveOptionalFieldsEmpty(spec) {
  for (const operation of Object.values(spec.paths).flatMap(Object.values)) {
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
      for (const [name, field] of Object.entries(schema.properties ?? {})) {
        if (!schema.required?.includes(name)) {
          field.examples ??= [field.type === "array" ? [] : ""];
        }
      }
    }
  }
}

function sendsNothingEmpty(Original, { React }) {
  return (props) =>
    React.createElement(Original, {
      ...props,
      isIncludedOptions: { ...props.isIncludedOptions, defaultValue: false },
    });
}
