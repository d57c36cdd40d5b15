import { words } from '../search/words.ts'

const stemsOf = (text: string): ReadonlySet<string> => new Set(words(text))

/** Words by which a topic is known, as stems. */
export const TOPICS: readonly (readonly [topic: string, stems: ReadonlySet<string>])[] = [
  [
    'health',
    stemsOf('doctor hospital medicine medication allergy allergic illness sick pain therapy diet dentist vaccine'),
  ],
  ['travel', stemsOf('travel trip flight airport hotel train passport visa holiday vacation journey luggage booking')],
  ['food', stemsOf('food eat drink tea coffee breakfast lunch dinner restaurant recipe cook vegetarian vegan meal')],
  ['work', stemsOf('work job office colleague manager customer project deadline salary team client contract')],
  ['finance', stemsOf('money bank pay payment invoice price budget tax loan account credit insurance mortgage')],
  [
    'family',
    stemsOf('mother father daughter son sister brother wife husband parents children family grandmother grandfather'),
  ],
  ['home', stemsOf('house apartment flat kitchen garden rent landlord furniture neighbour neighbor roof')],
  [
    'technology',
    stemsOf('software computer laptop phone server database code program bug deploy website internet password'),
  ],
  ['learning', stemsOf('learn study school university course exam book lesson teacher student language')],
  ['sport', stemsOf('sport football tennis running swim gym training match marathon bicycle cycling')],
  ['music', stemsOf('music song concert guitar piano band album orchestra choir')],
]

/** Words by which a category is known, as stems; the first category that has one of them is taken. */
export const CATEGORIES: readonly (readonly [category: string, stems: ReadonlySet<string>])[] = [
  ['decision', stemsOf('decided decide agreed decision chose concluded approved rejected')],
  ['task', stemsOf('todo remind reminder must need needs deadline due finish')],
  [
    'preference',
    stemsOf('prefer prefers preference favourite favorite like likes love loves hate hates dislike dislikes enjoy'),
  ],
  ['event', stemsOf('appointment meeting birthday anniversary wedding conference party visited arrived happened')],
]

export const URGENT = stemsOf(
  'urgent critical emergency important immediately asap deadline allergic allergy danger never always must',
)

export const GOOD = stemsOf(
  'good great excellent happy love loves like likes enjoy glad pleased wonderful perfect thanks thank best better success won nice fantastic excited proud helpful delicious beautiful',
)

export const BAD = stemsOf(
  'bad terrible awful sad hate hates angry upset disappointed worst worse fail failed failure broken problem pain sick afraid worried annoyed wrong lost ugly horrible cancelled complaint',
)

/** Turn what follows soon after into its opposite. */
export const NEGATIONS = stemsOf("not no never don't doesn't didn't isn't wasn't can't won't without hardly")

/** Capitalised by rule, without being names. */
export const CAPITALISED: ReadonlySet<string> = new Set(
  `i i'm i'll i've i'd ok okay yes no monday tuesday wednesday thursday friday saturday sunday
  january february march april may june july august september october november december
  english dear hello hi hey today tomorrow yesterday everything everyone everybody nothing nobody something someone somebody thanks thank please sorry mr mrs ms dr`.split(
    /\s+/,
  ),
)
