"use strict";
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  var recordings = null;

  function recording(digest) {
    if (recordings === null) {
      recordings = JSON.parse(document.getElementById("recordings").textContent);
    }
    var raw = atob(recordings[digest]);
    var bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) {
      bytes[i] = raw.charCodeAt(i);
    }
    return new TextDecoder().decode(bytes);
  }

  // What only prints lines needs no screen of its full height.
  function rows(head, events) {
    var text = "";
    for (var i = 0; i < events.length; i++) {
      text += JSON.parse(events[i])[2];
    }
    if (/\u001b\[[0-9;?]*[A-HJKfhlrsu]/.test(text)) {
      return head.height;
    }
    return Math.min(head.height, Math.max(4, text.split("\n").length + 1));
  }

  // A player is made when its step is first opened: a run has hundreds of recordings.
  function play(place) {
    if (place.dataset.made || typeof AsciinemaPlayer === "undefined") {
      return;
    }
    place.dataset.made = "yes";
    var data = recording(place.dataset.cast);
    var lines = data.trim().split("\n");
    var head = JSON.parse(lines[0]);
    var end = lines.length > 1 ? JSON.parse(lines[lines.length - 1])[0] : 0;
    AsciinemaPlayer.create({ data: data }, place, {
      fit: "width",
      preload: true,
      controls: true,
      idleTimeLimit: 2,
      poster: "npt:" + (end + 1),
      rows: rows(head, lines.slice(1)),
      terminalFontSize: "small",
    });
  }

  function fill(details) {
    details.querySelectorAll(".cast").forEach(play);
  }

  document.querySelectorAll("details.step").forEach(function (details) {
    details.addEventListener("toggle", function () {
      if (details.open) {
        fill(details);
      }
    });
    if (details.open) {
      fill(details);
    }
  });

  document.querySelectorAll("button[data-open],button[data-close]").forEach(function (button) {
    button.addEventListener("click", function () {
      var open = button.hasAttribute("data-open");
      var section = document.getElementById(button.dataset.open || button.dataset.close);
      section.querySelectorAll("details.step").forEach(function (details) {
        details.open = open;
      });
    });
  });

  function follow() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
    }
  }
  window.addEventListener("hashchange", follow);
  follow();
})();
