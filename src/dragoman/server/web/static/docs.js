"use strict";

const chooser = document.getElementById("api");
const wanted = new URLSearchParams(location.search).get("api");
if ([...chooser.options].some((option) => option.value === wanted)) {
  chooser.value = wanted;
}
chooser.addEventListener("change", () => location.assign(`/docs?api=${chooser.value}`));

SwaggerUIBundle({
  url: `/openapi/${chooser.value}.json`,
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
