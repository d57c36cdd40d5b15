/** Most memories whose texts one search reads to find out whether they have what is asked for. */
export const MOST_OPENED = 1000
