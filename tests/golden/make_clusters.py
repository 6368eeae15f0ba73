"""Golden values for tests/stats_clusters.rs: scikit-learn's cluster scores and standardised columns.

Run with scikit-learn 1.7.1: python tests/golden/make_clusters.py > tests/golden/clusters.json
"""
import json
import numpy as np
import sklearn
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler, normalize

rng = np.random.RandomState(5)
points = np.concatenate([rng.normal(c, s, (n, 2)) for c, s, n in [((0, 0), 0.6, 14), ((3, 1), 0.9, 11), ((1, 4), 0.5, 9)]])
labels = np.repeat([0, 1, 2], [14, 11, 9])
labels[[2, 17, 30]] = -1
labels = np.append(labels, 3)
points = np.append(points, [[6.0, 6.0]], axis=0)  # a cluster of one
kept = labels >= 0
image, place = rng.normal(size=(7, 5)), rng.normal(size=(7, 4))
place[:, 3] = 0.25
fused = StandardScaler().fit_transform(np.hstack([normalize(image) * 2.0, normalize(place) * 100.0]))
from sklearn.cluster import HDBSCAN

cloud = np.concatenate([rng.normal(c, d, (n, 2)) for c, d, n in [((0, 0), 0.3, 60), ((3, 0.5), 0.5, 50), ((1, 4), 0.25, 40)]]
                       + [rng.uniform(-2, 6, (25, 2))]).round(5)
found = {f"{size}|{samples}|{epsilon}": HDBSCAN(min_cluster_size=size, min_samples=samples, cluster_selection_epsilon=epsilon,
                                                 copy=True).fit_predict(cloud).tolist()
         for size, samples, epsilon in [(15, 3, 0.05), (10, 5, 0.0), (30, 3, 0.4)]}
print(json.dumps({
    "cloud": cloud.ravel().tolist(), "hdbscan": found,
    "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    "points": points.round(6).ravel().tolist(), "labels": labels.tolist(),
    "silhouette": silhouette_score(points.round(6)[kept], labels[kept]),
    "calinski_harabasz": calinski_harabasz_score(points.round(6)[kept], labels[kept]),
    "davies_bouldin": davies_bouldin_score(points.round(6)[kept], labels[kept]),
    "image": image.ravel().tolist(), "place": place.ravel().tolist(), "fused": fused.ravel().tolist(),
}))
