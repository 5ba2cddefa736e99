// This script is in docs/assets/, and the API beside docs/, whatever path a proxy has before them.
const root = new URL('../../', document.currentScript.src)

// The page may not load or send anything elsewhere: the server's policy forbids it. These options keep Scalar from trying.
window.Scalar.createApiReference('#reference', {
  url: new URL('openapi.json', root).href,
  servers: [{ url: root.href.replace(/\/$/, ''), description: 'This Keyhold' }],
  withDefaultFonts: false,
  proxyUrl: '',
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  persistAuth: false,
  documentDownloadType: 'json',
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
})
