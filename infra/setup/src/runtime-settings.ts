import settings from './runtime-settings.json' with { type: 'json' }

/**
 * How Node runs an app: a small young generation and few helper threads keep an idle app small without slowing a busy one;
 * `gc` lets it give back what its start left behind. In JSON, because the bootstrap, which is no TypeScript, compiles the apps
 * under the same settings: compiled code is good for one set of flags.
 */
export const runtimeSettings: Readonly<Record<string, string>> = settings
