// Who can log in at the sample provider. `groups: undefined` means the token carries no groups claim at all.
export const levels = ['urn:corp:pwd', 'urn:corp:otp', 'urn:corp:key'];
export const methods = {
  'urn:corp:pwd': ['pwd'],
  'urn:corp:otp': ['pwd', 'otp'],
  'urn:corp:key': ['pwd', 'hwk'],
};
export const levelNames = {
  'urn:corp:pwd': 'Password',
  'urn:corp:otp': 'Password and one-time code',
  'urn:corp:key': 'Password and security key',
};

const person = (user, sub, name, groups, more = {}) => ({
  user,
  sub,
  name,
  groups,
  password: user,
  email: `${user}@corp.example`,
  email_verified: true,
  dept: 'none',
  employee_id: `E${sub}`,
  factors: levels,
  ...more,
});

// Fresh copies on each call, so that a test may change what it likes.
export function people() {
  return [
    person('ann', '1001', 'Ann Ashe', ['staff', 'fin-refunds'], { dept: 'refunds' }),
    person('sam', '1002', 'Sam Stone', ['staff', 'shop-support'], { dept: 'support' }),
    person('ada', '1003', 'Ada Admin', ['staff', 'admins'], { dept: 'it' }),
    person('eve', '1004', 'Eve Elsewhere', ['contractors']),
    person('otto', '1005', 'Otto Nokey', ['staff', 'fin-refunds'], {
      dept: 'refunds',
      factors: ['urn:corp:pwd', 'urn:corp:otp'],
    }),
    person('noor', '1006', 'Noor Nogroups', undefined),
    person('max', '1007', 'Max Manygroups', [
      'staff',
      ...Array.from({ length: 1999 }, (_, i) => `group-number-${i}`),
    ]),
    person('uma', '1008', 'Uma Unverified', ['staff'], { email_verified: false }),
  ];
}
