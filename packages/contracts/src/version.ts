/** Version of the API and of the events, as the generated documents name it. */
export const API_VERSION = '0.1.0'
