// What these pages ask of their own server beyond the widget's calls.

/** Has the page's own server redeem a ticket, as a site's back end would with its secret key. Throws when it cannot. */
export async function redeemTicket(ticket) {
  const response = await fetch('/dev/redeem', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket }),
    credentials: 'omit',
    cache: 'no-store',
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

/** The hash of the widget's first file, for `integrity`. */
export async function widgetHash() {
  const response = await fetch('/widget/integrity.json');
  const hashes = await response.json();
  return hashes['countersign.js'];
}
