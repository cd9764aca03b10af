'use strict';

window.addEventListener('load', () => {
  window.SwaggerUIBundle({
    dom_id: '#swagger-ui',
    url: '/swagger/v1/openapi.yaml',
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: 'BaseLayout',
    deepLinking: true,
    validatorUrl: null,
  });
});
