// alert.js is the service worker of the alert "it is your turn": phones show a
// note only through one, also while the page lies in the background. It keeps
// nothing, answers no request and sees no page.
addEventListener("install", () => skipWaiting());
addEventListener("notificationclick", event => {
  event.notification.close();
  const to = event.notification.data.url;
  event.waitUntil(clients.matchAll({ type: "window", includeUncontrolled: true }).then(pages => {
    const page = pages.find(p => new URL(p.url).pathname === to);
    return page ? page.focus() : clients.openWindow(to);
  }));
});
