addEventListener("install", () => skipWaiting());
addEventListener("notificationclick", event => {
  event.notification.close();
  const to = event.notification.data.url;
  event.waitUntil(clients.matchAll({ type: "window", includeUncontrolled: true }).then(pages => {
    const page = pages.find(p => new URL(p.url).pathname === to);
    return page ? page.focus() : clients.openWindow(to);
  }));
});
