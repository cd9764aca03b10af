'use strict';

window.addEventListener('load', () => {
  const documents = {
    v6: '/swagger/v1/openapi.yaml',
    v7: '/swagger/v7/openapi.yaml',
    v8: '/swagger/v8/openapi.yaml',
  };
  const version = /\/swagger\/(v[0-9]+)/i.exec(window.location.pathname);
  window.SwaggerUIBundle({
    dom_id: '#swagger-ui',
    url: (version && documents[version[1].toLowerCase()]) || documents.v6,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: 'BaseLayout',
    deepLinking: true,
    validatorUrl: null,
  });
});
