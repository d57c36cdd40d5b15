/** What the demo asks about this project. */
export const questions = [
  'How are memories encrypted at rest?',
  'What can a thief of the database still read?',
  'How does search work when the content is encrypted?',
  'What happens to events when NATS is away?',
  'How is one tenant kept from seeing the memories of another?',
  'How is the audit log protected against tampering?',
  'Why is there no build step?',
  'How quickly does a revoked API key stop working?',
  'How do I start everything on my machine?',
  'What does deleting a subject destroy?',
] as const
