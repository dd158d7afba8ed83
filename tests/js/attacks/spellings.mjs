// Ways of writing a path that two programs read in two ways: the lists, for each protocol they are tried over.

// Rows 10 and 11: queries and fragments that name another path.
export const queries = [
  '/admin?x=/public',
  '/admin?/public/x',
  '/admin?../public/',
  '/admin#.png',
  '/admin#/public/x',
  '/admin/secret%23/bar',
  '/public/x#/../../admin',
  '/admin%23/public',
  '/admin?',
  '/admin??x',
];

// Rows 12 to 14.
export const dotSegments = [
  '/public/../admin',
  '/public/./../admin',
  '/public/%2e%2e/admin',
  '/public/.%2e/admin',
  '/public/%2e./admin',
  '/public/%2E%2E%2Fadmin',
  '/public/..%2fadmin',
  '/public%2f..%2fadmin',
  '/public%5c..%5cadmin',
  '/public\\..\\admin',
  '/public/..\\admin',
  '/public/%252e%252e/admin',
  '/public/%c0%ae%c0%ae/admin',
  '/public/%uff0e%uff0e/admin',
  '/public/..%00/admin',
  '/public/.%00./admin',
  '/public/%2e%2e%00/admin',
  '/public/...//admin',
  '/public//../admin',
  '//admin',
  '/public/..',
  '/public/.',
  '/./admin',
  '/../admin',
  '/%2e/admin',
  '/public/%2e%2e',
  '/public/..%09/admin',
];

// Rows 15 and 16: parameters of a segment.
export const matrix = [
  '/admin;x=1/users',
  '/admin%3bx',
  '/admin%3Bx=1',
  '/;/admin',
  '/public;/../admin',
  '/public/..;/admin',
  '/public/..;a=b/admin',
  '/public/.;/admin',
  '/admin;',
  '/admin;/',
  '/public/x;jsessionid=1/../../admin',
];

// Row 25.
export const malformed = [
  '/admin%zz',
  '/%',
  '/%1',
  '/\x7f',
  '/{}',
  '/\xff\xfe',
  '/\xc3\xbc',
  '/a%00b',
  '/a%0d%0aX: y',
  '/public/a%0ab',
  '/a|b',
  '/a^b',
  '/a"b',
  '/a<b>',
  '/a`b',
  'public',
  'x',
  '*',
  '',
];

// Row 58: against an app whose every path but /admin is open.
export const encodedLetters = [
  '/%61dmin',
  '/%41dmin',
  '/adm%69n',
  '/%61%64%6d%69%6e',
  '/admin%2f',
  '/admin%2Fusers',
  '/%2fadmin',
  '/admin/%2e',
  '//admin',
  '/admin//',
  '/./admin',
  '/x/../admin',
  '/admin;x',
  '/admin%09',
  '/admin%00',
  '/admi%6E/users',
  '/admin%5cusers',
];

// What no value of a header may hold: every control byte but the tab.
export const controlBytes = [...Array(32).keys(), 127].filter((byte) => byte !== 9);
