// The day's chart on the first page; the same figures stand beside it as a table.
(function () {
  "use strict";
  var chart = null;

  // The theme's colours are expressions; what they come to is asked of an element.
  function colour(name) {
    var probe = document.createElement("i");
    probe.style.color = "var(--tblr-" + name + ")";
    document.body.append(probe);
    var found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function lines(given) {
    return given.lines.map(function (line) {
      return {
        label: line.name,
        data: line.values,
        backgroundColor: colour(line.colour),
        borderColor: colour(line.colour),
        borderRadius: 2,
      };
    });
  }

  function draw() {
    var source = document.querySelector("[data-chart-of]");
    var canvas = source && document.querySelector("#" + source.dataset.chartOf + " canvas");
    if (!canvas) return;
    var given = JSON.parse(source.dataset.values);
    if (chart && chart.canvas === canvas) {
      chart.data = { labels: given.hours, datasets: lines(given) };
      chart.update("none");
      return;
    }
    Chart.defaults.color = colour("body-color");
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    chart = new Chart(canvas, {
      type: "bar",
      data: { labels: given.hours, datasets: lines(given) },
      options: {
        animation: false,
        maintainAspectRatio: false,
        plugins: { legend: { position: "bottom", labels: { boxWidth: 12 } } },
        scales: {
          x: { grid: { display: false } },
          y: { beginAtZero: true, ticks: { precision: 0 }, grid: { color: colour("border-color") } },
        },
      },
    });
  }

  draw();
  document.addEventListener("htmx:afterSettle", draw);
})();
