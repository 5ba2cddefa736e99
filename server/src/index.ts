export { readConfig, type Config } from './config.ts'
export { createLogger, startServer, type Server } from './main.ts'
