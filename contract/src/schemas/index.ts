// The wire as schemas, for the code that checks or describes bodies: the server and tests.
export { routeSchemas, type RouteSchemas } from './route-schemas.ts'
export { namedSchemas } from './named-schemas.ts'
export { pathParameters } from './path-parameters.ts'
export { decryptItem, encryptItem } from './data.ts'
export { errorEnvelope } from './error-envelope.ts'
