import type { Handlers } from '@memoric/service/implement-routes.ts'

/** The handler of one operation of auth. */
export type Handler<Id extends keyof Handlers<'auth'>> = Handlers<'auth'>[Id]
