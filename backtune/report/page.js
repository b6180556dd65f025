// One sound at a time: a player that starts stops the one before, and goes on from its moment within a group.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) {
    if (other === event.target || other.paused) continue;
    other.pause();
    if (other.closest(".players") === event.target.closest(".players")) event.target.currentTime = other.currentTime;
  }
}, true);
