"use strict";

// Characters that are invisible or change the order in which the text around them is displayed.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;

/** Replace these characters in a text with their JSON escapes; anything but a text is returned unchanged. */
function escapeUnsafe(shown) {
  return typeof shown === "string"
    ? shown.replace(UNSAFE, (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"))
    : shown;
}

/** A plugin of Swagger UI: code blocks, which also show the bodies of responses, escape these characters. */
const escapedCode = () => ({
  wrapComponents: {
    HighlightCode: (Original, { React }) => (properties) =>
      React.createElement(Original, { ...properties, children: escapeUnsafe(properties.children) }),
  },
});

/** A plugin of Swagger UI: the filter finds every word in the tag, method, path or summary, not only in the tag. */
const filterByWords = () => ({
  fn: {
    opsFilter: (tags, phrase) => {
      const words = phrase.toLowerCase().split(/\s+/);
      const matches = (tag) => (one) => {
        const summary = one.getIn(["operation", "summary"], "");
        const described = [tag, one.get("method"), one.get("path"), summary].join(" ").toLowerCase();
        return words.every((word) => described.includes(word));
      };
      return tags
        .map((group, tag) => group.update("operations", (all) => all.filter(matches(tag))))
        .filter((group) => group.get("operations").size > 0);
    },
  },
});

/**
 * Send a request to the server of this page. The token endpoint in the document has the address of the
 * issuer, which may be another name of this server; the policy of this page allows requests to its own only.
 */
function sendHere(request) {
  const { pathname, search } = new URL(request.url, location.href);
  request.url = location.origin + pathname + search;
  return request;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followColorScheme);
followColorScheme();

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "/openapi.json",
  validatorUrl: null, // the default sends the document to a server of Swagger's maintainers
  plugins: [escapedCode, filterByWords],
  requestInterceptor: sendHere,
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false, // tokens and secrets are forgotten with the page
  showCommonExtensions: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
